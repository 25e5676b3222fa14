package import Datasets
package import Declarations

extension RunConfiguration {
    /// The type of the data set that `data.dataset` names.
    private var collectionType: any ImageCollection.Type { Catalogue.current.imageCollections.option(in: self) }

    private var collectionSettings: Settings { Catalogue.current.imageCollections.settings(in: self) }

    /// The data set, with this run's settings; nothing of it is read yet.
    package var imageCollection: any ImageCollection { imageCollection(at: nil) }

    /// The same, where its files lie elsewhere by now.
    ///
    /// - Parameter folder: In place of `data.folder`; none: as configured.
    package func imageCollection(at folder: String?) -> any ImageCollection {
        let type = collectionType
        guard let folder, type.hasFolder else { return type.init(collectionSettings) }
        return type.init(collectionSettings.with(DataKeys.folder.name, folder))
    }

    /// What is equal where two runs read the same data set from the same place, whatever part of it.
    package var dataIdentity: DataIdentity {
        DataIdentity(name: collectionType.name, settings: collectionSettings)
    }

    /// How large the data set's images are, if that is known and the model takes such images.
    package var storedGeometry: ImageGeometry? {
        imageCollection.knownGeometry.flatMap { $0.channels == model.channels ? $0 : nil }
    }

    /// Names of the classes 0, 1, …; none where the data set gives only numbers.
    package var classNames: [String]? { imageCollection.classNames }

    /// In what order classes are numbered, for people.
    package var classOrder: String { imageCollection.classOrder }

    /// Where the data lies, for messages: its folder, else its name.
    package var dataPlace: String { dataFolder ?? collectionType.name }

    /// `data.folder`; none where it is not set or the data set has no folder.
    package var dataFolder: String? {
        collectionType.hasFolder ? collectionSettings[DataKeys.folder.name, as: String?.self] : nil
    }

    /// Whether the data set's files lie in a folder.
    var needsFolder: Bool { collectionType.hasFolder }

    /// Sets `data.folder` to the folder as given, else to where the data set usually is.
    ///
    /// - Parameter specFolder: What a relative folder is relative to.
    mutating func resolveDataFolder(specFolder: String) {
        guard collectionType.hasFolder else { return }
        let folder = imageCollection.resolvedFolder(specFolder: specFolder)
        set("data.\(DataKeys.folder.name)", to: folder.specValue)
    }

    /// What is missing of the data set's files.
    func missingData(_ fileExists: (String) -> Bool) -> [SpecFinding] {
        let (type, collection) = (collectionType, imageCollection)
        let remedy = collection.remedyForMissingFiles
        if type.hasFolder {
            guard let folder = dataFolder else {
                return [
                    SpecFinding(
                        ["data.folder", "data.dataset"], message: "the data set \(type.name) needs a folder",
                        remedy: remedy)
                ]
            }
            guard fileExists(folder) else {
                return [
                    SpecFinding(
                        ["data.folder", "data.dataset"], message: "there is no data folder \(folder)", remedy: remedy)
                ]
            }
        }
        return collection.requiredPaths.filter { !fileExists($0.path) }.map {
            SpecFinding(
                ["data.\($0.key)"] + (type.hasFolder ? ["data.folder"] : []) + ["data.dataset"],
                message: "there is no data file \($0.path)", remedy: remedy)
        }
    }
}

/// A data set and its place: its name with its settings.
package struct DataIdentity: Hashable, Sendable {
    package let name: String
    package let settings: Settings
}
