import Kernels
import TensorCore

/// The patches of a shard's images that some target block uses: the only ones whose target features are read.
///
/// Their number differs from image to image and from batch to batch; memory is planned for the most.
final class UsedPatches<Backend: KernelBackend> {
    private let patches: Int
    private let hostRows, hostStarts, hostPlaces: HostBuffer<Int32>
    /// Row of each patch of one image among the used ones; −1: not used.
    private let rowOfPatch: HostBuffer<Int32>
    private let deviceRows, deviceStarts, devicePlaces: IndexTensor<Backend>
    /// R: used patches of all images.
    private(set) var count = 0
    private var images = 0

    /// - Parameter patches: N.
    init(images: Int, patches: Int, blockElements: Int, on backend: Backend) {
        self.patches = patches
        (hostRows, hostStarts) = (HostBuffer(count: images * patches), HostBuffer(count: images + 1))
        hostPlaces = HostBuffer(count: blockElements)
        rowOfPatch = HostBuffer(count: patches)
        func indices(_ count: Int) -> IndexTensor<Backend> {
            IndexTensor(buffer: backend.makeIndexBuffer(count: count), shape: Shape(count))
        }
        deviceRows = indices(images * patches)
        deviceStarts = indices(images + 1)
        devicePlaces = indices(blockElements)
    }

    /// Finds the used patches of the shard's images.
    func find(in batch: StepBatch, _ range: Range<Int>, on backend: Backend) {
        let perImage = batch.targetCount
        count = 0
        images = range.count
        for (image, ofBatch) in range.enumerated() {
            for patch in 0..<patches { rowOfPatch[patch] = -1 }
            for block in 0..<batch.blockCount {
                let start = (block * batch.imageCount + ofBatch) * perImage
                for k in 0..<perImage { rowOfPatch[Int(batch.targets[start + k])] = 0 }
            }
            hostStarts[image] = Int32(count)
            for patch in 0..<patches where rowOfPatch[patch] == 0 {
                hostRows[count] = Int32(image * patches + patch)
                rowOfPatch[patch] = Int32(count)
                count += 1
            }
            for block in 0..<batch.blockCount {
                let start = (block * batch.imageCount + ofBatch) * perImage
                let to = (block * range.count + image) * perImage
                for k in 0..<perImage { hostPlaces[to + k] = rowOfPatch[Int(batch.targets[start + k])] }
            }
        }
        hostStarts[range.count] = Int32(count)
        backend.upload(hostRows, at: 0, to: deviceRows.window(at: 0, Shape(count)))
        backend.upload(hostStarts, at: 0, to: deviceStarts.window(at: 0, Shape(range.count + 1)))
        let places = batch.blockCount * range.count * perImage
        backend.upload(hostPlaces, at: 0, to: devicePlaces.window(at: 0, Shape(places)))
    }

    var queries: BlockInput<Backend>.Queries {
        .chosen(rows: deviceRows.window(at: 0, Shape(count)), starts: deviceStarts.window(at: 0, Shape(images + 1)))
    }

    /// The rows of the target blocks' patches among the used ones, for `gatherBlocks`, [1, 1, M·B·Kp].
    func places(_ count: Int) -> IndexTensor<Backend> { devicePlaces.window(at: 0, Shape(1, 1, count)) }
}
