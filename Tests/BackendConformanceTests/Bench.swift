import Kernels
import TensorCore
import TestSupport

/// Where one operation is run once: it makes the operands, remembers what they held, and reads back the results.
///
/// Every tensor lies inside a larger buffer, `offset` elements further than a multiple of 64 bytes, between guards. The
/// guards of inputs are NaN, so that a read beyond the end shows in the result; those of outputs are a number that no
/// operation makes. Outputs that are to be overwritten begin as NaN. Numbers are drawn by the order of the calls and
/// rounded to Float, so that back ends of any precision get the same ones.
final class Bench<Backend: KernelBackend> {
    let backend: Backend
    private let offset: Int
    private var operands: [Operand] = []
    private var returned: [(name: String, value: Double)] = []
    private var draws = 0
    private var nextInputHoldsNaN = false

    private struct Operand {
        let name: String
        let tensor: Tensor<Backend>
        let guardValue: Double
        /// What an input held, which the operation must leave alone; nil for outputs.
        let unchanged: [Double]?
    }

    private static var guardCount: Int { 32 }
    private static var sentinel: Double { -12_345.625 }

    init(_ backend: Backend, offset: Int) {
        self.backend = backend
        self.offset = offset
    }

    // MARK: Operands

    /// An input of uniform numbers with standard deviation `scale` and mean `shift`.
    func input(_ extents: Int..., scale: Double = 1, shift: Double = 0) -> Tensor<Backend> {
        input(draw(Shape(extents).count, scale: scale, shift: shift), Shape(extents))
    }

    func input(_ extents: [Int]) -> Tensor<Backend> {
        input(draw(Shape(extents).count, scale: 1, shift: 0), Shape(extents))
    }

    /// A weight [out, in] that is an operand, with a packed copy where the back end keeps any.
    func packed(_ values: Tensor<Backend>) -> Weight<Backend> {
        let whole = Tensor<Backend>(buffer: values.buffer, shape: Shape(values.offset + values.count))
        let slot = ParameterSlot(offset: values.offset, shape: values.shape)
        let packed = backend.makePackedWeights(
            of: [PackableMatrix(slot: slot, needsInputGradient: true)], in: whole)
        if let packed { backend.refresh(packed, from: whole, range: 0..<whole.count) }
        return Weight(values: values, packed: packed)
    }

    /// The parameters of a block, of numbers that keep its activations near 1, with packed copies where there are any.
    func parameters(_ block: LoneBlock) -> Parameters<Backend> {
        let flat = input(block.count, scale: 0.2, shift: 0.02)
        // Places count from the beginning of the buffer, where the bench has put other things.
        let whole = Tensor<Backend>(buffer: flat.buffer, shape: Shape(flat.offset + flat.count))
        let matrices = block.layout.matrices.map {
            PackableMatrix(
                slot: ParameterSlot(offset: flat.offset + $0.offset, shape: $0.shape), needsInputGradient: true)
        }
        let packed = backend.makePackedWeights(of: matrices, in: whole)
        if let packed { backend.refresh(packed, from: whole, range: 0..<whole.count) }
        return Parameters(flat, packed: packed)
    }

    /// An input whose contents the operation may spoil; only its surroundings are looked at.
    func spent(_ extents: Int...) -> Tensor<Backend> {
        let shape = Shape(extents)
        return place(
            draw(shape.count, scale: 1, shift: 0), shape, name: "", guardValue: Self.sentinel, isInput: false)
    }

    /// An input of whole numbers in −limit...limit: sums of products of few of them are exact in Float.
    func wholeInput(_ extents: Int..., limit: Int) -> Tensor<Backend> {
        var random = nextStream()
        let values = (0..<Shape(extents).count).map { _ in Double(random.integer(below: 2 * limit + 1) - limit) }
        return input(values, Shape(extents))
    }

    /// An input of given numbers.
    func input(_ values: [Double], _ shape: Shape) -> Tensor<Backend> {
        var values = values
        if nextInputHoldsNaN, !values.isEmpty {
            values[values.count / 2] = .nan
            nextInputHoldsNaN = false
        }
        return place(values, shape, name: "input \(operands.count)", guardValue: .nan, isInput: true)
    }

    /// Makes the middle element of the next input a NaN.
    func putNaNIntoNextInput() { nextInputHoldsNaN = true }

    /// An output that is to be overwritten; NaN before.
    func output(_ name: String, _ extents: Int...) -> Tensor<Backend> { output(name, extents) }

    func output(_ name: String, _ extents: [Int]) -> Tensor<Backend> {
        let shape = Shape(extents)
        return place(
            Array(repeating: .nan, count: shape.count), shape, name: name, guardValue: Self.sentinel, isInput: false)
    }

    /// An output that is added to, or changed in place; uniform numbers before.
    func changed(_ name: String, _ extents: Int..., scale: Double = 1, shift: Double = 0) -> Tensor<Backend> {
        changed(name, draw(Shape(extents).count, scale: scale, shift: shift), Shape(extents))
    }

    /// An output that is added to, or changed in place, with given numbers before.
    func changed(_ name: String, _ values: [Double], _ shape: Shape) -> Tensor<Backend> {
        place(values, shape, name: name, guardValue: Self.sentinel, isInput: false)
    }

    /// Memory that the operation may write what it likes into; only its surroundings are looked at.
    func scratch(_ extents: Int...) -> Tensor<Backend> {
        let shape = Shape(extents)
        return place(
            Array(repeating: .nan, count: shape.count), shape, name: "", guardValue: Self.sentinel, isInput: false)
    }

    /// Uniform indices, repeats included, surrounded by indices that are out of any range.
    func indices(_ extents: Int..., below bound: Int) -> IndexTensor<Backend> {
        let shape = Shape(extents)
        var random = nextStream()
        let drawn = (0..<shape.count).map { _ in Int32(random.integer(below: bound)) }
        let guards = [Int32](repeating: .min, count: Self.guardCount + offset)
        let all = HostBuffer(guards + drawn + guards)
        let buffer = backend.makeIndexBuffer(count: all.count)
        backend.upload(all, at: 0, to: IndexTensor(buffer: buffer, shape: Shape(all.count)))
        return IndexTensor(buffer: buffer, offset: guards.count, shape: shape)
    }

    /// A number that the operation returned.
    func record(_ name: String, _ value: Double) { returned.append((name, value)) }

    private func nextStream() -> RandomStream {
        draws += 1
        return RandomStream(seed: 71, purpose: .tests, sample: draws)
    }

    /// Uniform numbers with the given standard deviation and mean.
    private func draw(_ count: Int, scale: Double, shift: Double) -> [Double] {
        var random = nextStream()
        let unit = 12.0.squareRoot() * scale
        return (0..<count).map { _ in
            Double(Float(unit * (Double(random.nextUInt32()) * 0x1p-32 - 0.5) + shift))
        }
    }

    private func place(
        _ values: [Double], _ shape: Shape, name: String, guardValue: Double, isInput: Bool
    ) -> Tensor<Backend> {
        let before = Self.guardCount + offset
        let buffer = backend.makeBuffer(count: before + values.count + Self.guardCount)
        let whole = Tensor<Backend>(buffer: buffer, shape: Shape(before + values.count + Self.guardCount))
        backend.fill(whole, with: Backend.Scalar(guardValue))
        let tensor = whole.window(at: before, shape)
        backend.store(scalars(values), in: tensor)
        operands.append(
            Operand(name: name, tensor: tensor, guardValue: guardValue, unchanged: isInput ? values : nil))
        return tensor
    }

    // MARK: Results

    /// The outputs by name, and what was written that should not have been.
    func results() -> (outputs: [(name: String, values: [Double])], faults: [String]) {
        var outputs = returned.map { (name: $0.name, values: [$0.value]) }
        var faults: [String] = []
        for operand in operands {
            let tensor = operand.tensor
            let values = backend.doubles(tensor)
            let label = operand.name.isEmpty ? "scratch" : operand.name
            if let unchanged = operand.unchanged {
                if !zip(values, unchanged).allSatisfy(isSame) { faults.append("\(label) \(tensor.shape) was changed") }
            } else if !operand.name.isEmpty {
                outputs.append((operand.name, values))
            }
            for (side, start, count) in [
                ("before", 0, tensor.offset), ("after", tensor.offset + tensor.count, Self.guardCount),
            ] {
                let edge = Tensor<Backend>(buffer: tensor.buffer, offset: start, shape: Shape(count))
                if !backend.doubles(edge).allSatisfy({ isSame($0, operand.guardValue) }) {
                    faults.append("\(label) \(tensor.shape) was written \(side) its place")
                }
            }
        }
        return (outputs, faults)
    }
}

/// Equal, or both NaN.
private func isSame(_ a: Double, _ b: Double) -> Bool { a == b || (a.isNaN && b.isNaN) }
