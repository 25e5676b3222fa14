import CPUKernels
import Kernels
import Networks
import PretrainedWeights
import Safetensors
import TensorCore
import Testing

/// Features of images by an encoder that was read, as the program computes them.
enum EncoderFeatures {
    /// [n, patches, width] of the last layer, row-major.
    static func all(_ encoder: PretrainedEncoder, images: SafetensorsTensor) throws -> [Float] {
        let backend = CPUBackend()
        let shape = images.shape
        let settings = try encoder.geometry.settings(imageSize: shape[2], file: encoder.file)
        let network = VisionTransformer(settings)
        let values = try encoder.values()
        #expect(values.nonFinite.isEmpty)
        let positions = try encoder.positions(rows: settings.grid, columns: settings.grid)
        let input = backend.makeTensor(Shape(shape))
        backend.store(try images.floats(), in: input)
        let parameters = backend.makeTensor(Shape(values.parameters.count))
        backend.store(values.parameters, in: parameters)
        let table = backend.makeTensor(Shape(settings.patchCount, settings.width))
        backend.store(positions.values, in: table)
        let need = network.featureElements(images: shape[0], tokens: settings.patchCount, on: backend)
        let output = network.features(
            input, parameters: Parameters(parameters), positions: table,
            workspace: Workspace(backend, capacity: need.kept + need.temporary), visit: { _, _ in })
        return backend.values(of: output)
    }

    /// The largest difference, relative to the largest of the expected numbers or to 1; infinite where counts differ.
    static func difference(_ found: [Float], _ expected: [Float]) -> Float {
        guard found.count == expected.count else { return .infinity }
        let scale = expected.reduce(1) { max($0, abs($1)) }
        // A NaN is larger than everything here.
        return zip(found, expected).reduce(0) { worst, pair in
            let difference = abs(pair.0 - pair.1) / scale
            return difference <= worst ? worst : (difference.isNaN ? .infinity : difference)
        }
    }
}
