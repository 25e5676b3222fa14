import CKernels
import Kernels
import TensorCore

/// bfloat16 copies of weight matrices in the order in which products read them; made once, brought up to date in each
/// step.
package final class BF16Weights: Sendable {
    /// One matrix [outputs, inputs].
    struct Matrix: Sendable {
        /// Its first element's place in the buffer of the float values.
        let offset: Int
        let outputs, inputs: Int
        /// Where its packed forms begin: for y = x Wᵀ, and, where it is wanted, for dx = dy W.
        let forward: Int
        let backward: Int?
    }

    /// In the order of their offsets.
    private let matrices: [Matrix]
    private let indices: [Int: Int]
    private let memory: HostBuffer<UInt16>

    init(_ wanted: [PackableMatrix], in flat: Tensor<CPUBackend>) {
        var matrices: [Matrix] = []
        var elements = 0
        for matrix in wanted.sorted(by: { $0.slot.offset < $1.slot.offset }) {
            let (outputs, inputs) = (matrix.slot.shape[0], matrix.slot.shape[1])
            let size = paddedColumns(outputs) * paddedColumns(inputs)
            matrices.append(
                Matrix(
                    offset: flat.offset + matrix.slot.offset, outputs: outputs, inputs: inputs, forward: elements,
                    backward: matrix.needsInputGradient ? elements + size : nil))
            elements += matrix.needsInputGradient ? 2 * size : size
        }
        self.matrices = matrices
        indices = Dictionary(uniqueKeysWithValues: matrices.enumerated().map { ($1.offset, $0) })
        memory = HostBuffer(count: elements)
    }

    /// The packed forms of the matrix whose values begin at that element of their buffer, if it is among them.
    func packed(at offset: Int) -> PackedMatrix? {
        indices[offset].map { index in
            let matrix = matrices[index]
            return PackedMatrix(
                outputs: matrix.outputs, inputs: matrix.inputs, forward: memory.pointer + matrix.forward,
                backward: matrix.backward.map { memory.pointer + $0 })
        }
    }

    /// Packs what changed in elements `range` of the flat vector: whole matrices or groups of 32 rows.
    func refresh(from flat: Tensor<CPUBackend>, range: Range<Int>, _ kernels: CBF16Table) {
        let (lower, upper) = (flat.offset + range.lowerBound, flat.offset + range.upperBound)
        for matrix in matrices where matrix.offset < upper {
            let first = max(lower - matrix.offset, 0) / matrix.inputs
            let last = min((upper - matrix.offset) / matrix.inputs, matrix.outputs)
            guard first < last else { continue }
            precondition(
                first.isMultiple(of: 32) && (last.isMultiple(of: 32) || last == matrix.outputs),
                "refresh: rows \(first)..<\(last) of \(matrix.outputs) are not whole groups of 32")
            kernels.pack_weight(
                flat.buffer.pointer + matrix.offset, matrix.outputs, matrix.inputs, first, last,
                memory.pointer + matrix.forward, matrix.backward.map { memory.pointer + $0 })
        }
    }
}

/// A matrix as products read it.
struct PackedMatrix {
    let outputs, inputs: Int
    let forward: UnsafeMutablePointer<UInt16>
    let backward: UnsafeMutablePointer<UInt16>?
}

/// The stride of a narrow matrix: its columns, up to a multiple of 32.
func paddedColumns(_ columns: Int) -> Int { (columns + 31) / 32 * 32 }
