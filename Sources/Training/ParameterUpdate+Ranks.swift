import Kernels
import TensorCore

/// The gradient over several processes.
///
/// The sums of the whole batch's shards must be added in their order, as in one process. A round's sums are shared out to
/// the ranks in that order too, so the running gradient goes from rank to rank, each adding what is its own; it goes in
/// pieces, so that all work at once.
extension ParameterUpdate {
    private static var pieceElements: Int { 1 << 20 }

    /// As `add` in one process; all ranks call it for every round. After the last round all have the sum.
    func add(
        _ sums: ArraySlice<Tensor<Backend>>, isFirst: Bool, isLast: Bool, communicator: any Communicator
    ) {
        let (rank, last) = (communicator.rank, communicator.count - 1)
        forEachPiece { piece in
            if rank > 0 {
                let running = communicator.receive(piece.count, of: Backend.Scalar.self, from: rank - 1)
                let sum = staging.window(at: 0, Shape(piece.count))
                backend.store(running, in: sum)
                addPiece(sums, piece, to: sum)
                // The sum may be the first part's memory, so it is written last.
                backend.copy(sum, to: gradients.window(at: piece.lowerBound, Shape(piece.count)))
            } else {
                let sum = gradients.window(at: piece.lowerBound, Shape(piece.count))
                if isFirst && !isInPlace {
                    backend.copy(sums[sums.startIndex].window(at: piece.lowerBound, sum.shape), to: sum)
                }
                addPiece(sums.dropFirst(isFirst ? 1 : 0), piece, to: sum)
            }
            if rank < last { communicator.send(values(of: piece), to: rank + 1) }
        }
        // The last rank has the sum: the next round begins with it on the first, and the last round ends with it on all.
        forEachPiece { piece in
            if isLast {
                let sum = communicator.broadcast(values(of: piece), from: last)
                if rank < last { store(sum, in: piece) }
            } else if rank == last {
                communicator.send(values(of: piece), to: 0)
            } else if rank == 0 {
                store(communicator.receive(piece.count, of: Backend.Scalar.self, from: last), in: piece)
            }
        }
        if isLast { measure() }
    }

    private func forEachPiece(_ body: (Range<Int>) -> Void) {
        for start in stride(from: 0, to: gradients.count, by: Self.pieceElements) {
            body(start..<min(start + Self.pieceElements, gradients.count))
        }
    }

    /// sum += each part's piece, one after the other.
    private func addPiece(_ parts: ArraySlice<Tensor<Backend>>, _ piece: Range<Int>, to sum: Tensor<Backend>) {
        let part = 1 << 16
        team.forEach((piece.count + part - 1) / part) { index in
            let start = index * part
            let shape = Shape(min(part, piece.count - start))
            for gradient in parts {
                backend.add(
                    gradient.window(at: piece.lowerBound + start, shape), times: 1, to: sum.window(at: start, shape))
            }
        }
    }

    private func values(of piece: Range<Int>) -> [Backend.Scalar] {
        backend.values(of: gradients.window(at: piece.lowerBound, Shape(piece.count)))
    }

    private func store(_ values: [Backend.Scalar], in piece: Range<Int>) {
        backend.store(values, in: gradients.window(at: piece.lowerBound, Shape(piece.count)))
    }

    /// Memory for a piece that was received.
    static func makeStaging(_ count: Int, on backend: Backend) -> Tensor<Backend> {
        backend.makeTensor(Shape(min(count, pieceElements)))
    }
}
