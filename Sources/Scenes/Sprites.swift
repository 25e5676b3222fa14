package import Datasets
import Declarations
import TensorCore

/// Small grey pictures of single things on black, by class: what scenes are composed of.
package struct Sprites: Sendable {
    /// Along an edge, pixels.
    package let side: Int
    package let classNames: [String]
    /// Over all pixels and classes.
    package let fingerprint: String
    /// [n, side, side].
    private let pixels: [UInt8]
    /// Numbers of the sprites of each class.
    private let places: [[Int32]]

    /// Most pixels along an edge: what is larger is a picture of its own and no sprite.
    static let largestSide = 64

    /// - Throws: `DatasetError` for images that are no sprites: coloured, not square, too large, on disk; or a class that
    ///   has none.
    package init(_ images: ImageDataset, classNames: [String]?, place: String) throws {
        func refuse(_ problem: String) -> DatasetError {
            DatasetError(
                place: place, problem: problem,
                remedy:
                    "scenes are composed of grey square images of at most \(Self.largestSide)×\(Self.largestSide) in "
                    + "IDX files, such as Fashion-MNIST's")
        }
        guard let source = images.source as? InMemoryImages, let labels = images.labels else {
            throw refuse("the images are not held in memory with their classes")
        }
        let geometry = source.geometry
        guard geometry.channels == 1, geometry.height == geometry.width, (4...Self.largestSide).contains(geometry.width)
        else { throw refuse("the images are \(geometry.width)×\(geometry.height)×\(geometry.channels)") }
        var places = [[Int32]](repeating: [], count: images.classCount)
        for (place, label) in labels.enumerated() { places[Int(label)].append(Int32(place)) }
        if let missing = places.firstIndex(where: \.isEmpty) { throw refuse("class \(missing) has no image") }
        side = geometry.width
        pixels = source.pixels
        self.places = places
        self.classNames = classNames ?? places.indices.map(String.init)
        fingerprint = images.fingerprint
    }

    package var classCount: Int { places.count }

    /// One of a class, by chance.
    func draw(ofClass label: Int, _ random: inout RandomStream) -> Int {
        Int(places[label][random.integer(below: places[label].count)])
    }

    /// The pixels of a sprite.
    subscript(sprite: Int) -> ArraySlice<UInt8> { pixels[sprite * side * side..<(sprite + 1) * side * side] }
}

/// The sprites of training and of test pictures, which are not the same.
package struct SpriteSplits: Sendable {
    /// Where sprites come from.
    package enum Origin: String, Sendable, CaseIterable {
        case fashionMNIST = "fashion_mnist"
        case sample

        /// Fashion-MNIST where it is installed, else the sample that is part of the repository.
        package static var available: Origin {
            let collection = Origin.fashionMNIST.collection(folder: nil, from: ".")
            return (try? collection.trainingImageCount()) == nil ? .sample : .fashionMNIST
        }

        /// - Parameters:
        ///   - folder: In place of the usual one.
        ///   - specFolder: What that, and the search for the sample, begins at.
        func collection(folder: String?, from specFolder: String) -> any ImageCollection {
            let type: any ImageCollection.Type = self == .sample ? FashionMNISTSample.self : FashionMNIST.self
            func settings(_ folder: String?) -> Settings {
                Settings(type.keys, folder.map { [DataKeys.folder.name: .text($0)] } ?? [:])
            }
            return type.init(settings(type.init(settings(folder)).resolvedFolder(specFolder: specFolder)))
        }
    }

    package let train: Sprites
    package let test: Sprites

    /// - Parameter folder: Of the IDX files, where they are not in the usual place.
    /// - Throws: `DatasetError` for files that are missing, broken or no sprites.
    package init(_ origin: Origin, folder: String? = nil, from specFolder: String = ".") throws {
        let collection = origin.collection(folder: folder, from: specFolder)
        let splits = try collection.open()
        let place = folder ?? type(of: collection).name
        train = try Sprites(splits.train, classNames: collection.classNames, place: place)
        test = try Sprites(splits.test, classNames: collection.classNames, place: place)
    }
}
