package import Declarations

/// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), as Debian's package `dataset-fashion-mnist` has it.
package struct FashionMNIST: IDXFolder {
    package static let name = "fashion_mnist"
    package static let summary = "60,000 and 10,000 grey images of 28×28, Debian's package dataset-fashion-mnist"
    static let usualFolder = "/usr/share/datasets/fashion-mnist"
    static let classNames = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]
    static let geometry = ImageGeometry(channels: 1, height: 28, width: 28)

    let settings: Settings
    package init(_ settings: Settings) { self.settings = settings }

    package let knownSizes: SplitSizes? = SplitSizes(train: 60_000, test: 10_000)
    package let knownGeometry: ImageGeometry? = geometry
    package let classNames: [String]? = classNames
    package let remedyForMissingFiles =
        "install the data set: sudo apt-get install dataset-fashion-mnist, or set data.folder"

    package func resolvedFolder(specFolder: String) -> String? {
        absolute(settings["folder"], specFolder) ?? Self.usualFolder
    }
}
