package import Datasets

/// The data sets that the program paints itself; they stand behind those of `ImageCollections`.
package enum SceneCollections {
    package static let standard: [any ImageCollection.Type] = [SceneCollection.self]
}
