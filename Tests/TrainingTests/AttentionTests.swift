import Declarations
import CPUKernels
import Datasets
import Declarations
import ExperimentSpec
import Kernels
import Safetensors
import TensorCore
import TestSupport
import Testing

@testable import Training

@Suite struct AttentionTests {
    @Test("a head's attention is that of the back end's operation, averaged over queries")
    func agreesWithTheOperation() {
        let (tokens, width, heads) = (7, 12, 3)
        var random = RandomStream(seed: 2, purpose: .tests)
        let normal = { (count: Int) in (0..<count).map { _ in random.normal() } }
        let x = normal(tokens * width)
        let (gamma, beta) = (normal(width).map { 1 + 0.1 * $0 }, normal(width))
        let (weight, bias) = (normal(3 * width * width), normal(3 * width))
        let block = LastBlock(width: width, heads: heads, gamma: gamma, beta: beta, weight: weight, bias: bias)
        let received = block.received(x)

        let backend = ReferenceBackend<Double>()
        let tensor = { (values: [Double], shape: Shape) in
            let tensor = backend.makeTensor(shape)
            backend.store(values, in: tensor)
            return tensor
        }
        let shape = Shape(1, tokens, width)
        let (mean, rstd) = (backend.makeTensor(Shape(tokens)), backend.makeTensor(Shape(tokens)))
        let (normalized, qkv) = (backend.makeTensor(shape), backend.makeTensor(Shape(1, tokens, 3 * width)))
        let probabilities = backend.makeTensor(Shape(1, heads, tokens, tokens))
        backend.layerNorm(
            tensor(x, shape), gamma: tensor(gamma, Shape(width)), beta: tensor(beta, Shape(width)), epsilon: 1e-6,
            mean: mean, rstd: rstd, to: normalized)
        backend.linear(
            normalized, weight: tensor(weight, Shape(3 * width, width)), bias: tensor(bias, Shape(3 * width)), to: qkv)
        backend.attention(qkv: qkv, heads: heads, probabilities: probabilities, to: backend.makeTensor(shape))
        let all = backend.values(of: probabilities)
        for head in 0..<heads {
            for key in 0..<tokens {
                let mean = (0..<tokens).reduce(0.0) { $0 + all[(head * tokens + $1) * tokens + key] } / Double(tokens)
                #expect(abs(received[head][key] - mean) <= 1e-12)
            }
        }
    }

    @Test("maps of both encoders sum to one, differ between images, and are equal where the weights are")
    func maps() throws {
        var configuration = RunConfiguration()
        configuration.set("data.dataset", to: "fashion_mnist_sample")
        (configuration.model.width, configuration.model.depth, configuration.model.heads) = (16, 2, 2)
        (configuration.model.imageSize, configuration.model.patchSize, configuration.model.channels) = (28, 4, 1)
        configuration.model.initialization = .xavier
        configuration.set("model.predictor.width", to: 8)
        configuration.set("model.predictor.depth", to: 1)
        configuration.set("masks.min_keep", to: 4)
        configuration.training.steps = 1
        let data = try DatasetSplits.load(configuration)
        let settings = try RunSettings(configuration)
        let backend = CPUBackend()
        let tensors = try settings.initialState(on: backend).tensors(settings.networks, on: backend).mapValues {
            try $0.tensor()
        }
        let reader = try AttentionReader(settings, tensors: tensors, backend: backend, threads: 2)
        let maps = try reader.target(data.test, [0, 3, 40])
        #expect(maps.grid == 7 && maps.heads.count == 3 && maps.heads.allSatisfy { $0.count == 2 })
        for map in maps.heads.flatMap({ $0 }) + maps.means {
            #expect(map.count == 49 && map.allSatisfy { $0 > 0 } && abs(map.reduce(0, +) - 1) <= 1e-9)
        }
        #expect(maps.heads[0] != maps.heads[1])
        #expect(try reader.context(data.test, [0, 3, 40]).heads == maps.heads)
        configuration.model.depth = 1
        #expect {
            _ = try AttentionReader(RunSettings(configuration), tensors: [:], backend: backend, threads: 1)
        } throws: {
            "\($0)".contains("single block")
        }
    }
}
