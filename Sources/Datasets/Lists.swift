/// The data sets that a spec can choose, in the order of the documentation.
package enum ImageCollections {
    package static let standard: [any ImageCollection.Type] = [
        FashionMNIST.self, FashionMNISTSample.self, IDXCollection.self, ImageFolder.self, ListedImages.self,
        ShardedImages.self, CIFAR10.self, CIFAR100.self, STL10.self, HDF5Collection.self, HDF5Files.self,
        PackedCollection.self,
    ]
    /// The one that a spec means which chooses none.
    package static let defaultName = FashionMNIST.name
}
