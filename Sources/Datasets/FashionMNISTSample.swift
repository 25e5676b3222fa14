package import Declarations
import Foundation

/// 2,000 training and 500 test images of Fashion-MNIST, committed with the project.
package struct FashionMNISTSample: IDXFolder {
    package static let name = "fashion_mnist_sample"
    package static let summary = "2,000 and 500 images of it, part of the repository"
    /// Where it lies in the repository.
    static let usualFolder = "Tests/Fixtures/fashion-mnist-sample"

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package let knownSizes: SplitSizes? = SplitSizes(train: 2_000, test: 500)
    package let knownGeometry: ImageGeometry? = FashionMNIST.geometry
    package let classNames: [String]? = FashionMNIST.classNames
    package let remedyForMissingFiles =
        "it is part of the repository (\(usualFolder)); set data.folder, or run inside it"

    /// As given, else looked for from the spec's folder, the working directory and the program's own folder upwards; its
    /// place below `specFolder` where it is nowhere.
    package func resolvedFolder(specFolder: String) -> String? {
        if let given = absolute(settings["folder"], specFolder) { return given }
        let program = Bundle.main.executableURL?.deletingLastPathComponent().path
        let starts = [specFolder, FileManager.default.currentDirectoryPath] + [program].compactMap { $0 }
        return starts.lazy.compactMap { Self.search(upwardFrom: $0) }.first
            ?? URL(fileURLWithPath: specFolder).appendingPathComponent(Self.usualFolder).standardizedFileURL.path
    }

    private static func search(upwardFrom start: String) -> String? {
        var place = URL(fileURLWithPath: start).standardizedFileURL
        while true {
            let candidate = place.appendingPathComponent(usualFolder).path
            if FileManager.default.fileExists(atPath: candidate) { return candidate }
            let parent = place.deletingLastPathComponent().standardizedFileURL
            if parent.path == place.path || place.path == "/" { return nil }
            place = parent
        }
    }
}
