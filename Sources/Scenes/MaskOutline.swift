/// The outline of the pixels that show a thing, as polygons along the edges of pixels.
///
/// COCO's polygons cannot have holes, so what has some is cut through them. pycocotools makes exactly these pixels of the
/// polygons again.
struct MaskOutline {
    /// x, y, x, y, … of each polygon, pixels; y points down.
    private(set) var polygons: [[Double]] = []

    private let width: Int
    private let height: Int
    /// [height + 2, width + 2]: the number of the piece that a pixel belongs to, 0 for none, with a border of none.
    private var pieces: [Int32]
    private let row: Int

    /// - Parameters:
    ///   - owners: [height, width].
    ///   - owner: The value of the pixels that are meant.
    init(_ owners: [UInt8], height: Int, width: Int, owner: UInt8) {
        (self.height, self.width) = (height, width)
        row = width + 2
        pieces = Array(repeating: 0, count: row * (height + 2))
        for y in 0..<height {
            for x in 0..<width where owners[y * width + x] == owner { pieces[(y + 1) * row + x + 1] = -1 }
        }
        var next: Int32 = 1
        for place in pieces.indices where pieces[place] == -1 { trace(from: place, &next) }
    }

    /// Numbers the piece of -1 that begins at a pixel, and outlines it, in parts where it has holes.
    private mutating func trace(from start: Int, _ next: inout Int32) {
        let number = next
        next += 1
        let members = fill(from: start, number)
        let loop = outline(from: start, number)
        let inside = Self.area(of: loop)
        if inside == members.count {
            polygons.append(loop.flatMap { [Double($0.x), Double($0.y)] })
            return
        }
        // There are holes. The column of the first pixel that is enclosed divides the piece into two.
        let cut = firstHole(in: members, number) % row
        for place in members { pieces[place] = place % row < cut ? -1 : -2 }
        for place in members where pieces[place] == -1 { trace(from: place, &next) }
        for place in members where pieces[place] == -2 { pieces[place] = -1 }
        for place in members where pieces[place] == -1 { trace(from: place, &next) }
    }

    /// All pixels of -1 that are connected by edges with the first, in order of place.
    private mutating func fill(from start: Int, _ number: Int32) -> [Int] {
        var members = [start]
        pieces[start] = number
        var read = 0
        while read < members.count {
            for step in [-row, -1, 1, row] where pieces[members[read] + step] == -1 {
                pieces[members[read] + step] = number
                members.append(members[read] + step)
            }
            read += 1
        }
        return members.sorted()
    }

    /// A pixel of another piece or none, next to the piece, that cannot be reached from outside of it.
    private func firstHole(in members: [Int], _ number: Int32) -> Int {
        var isOutside = [Bool](repeating: false, count: pieces.count)
        var open = [0]
        isOutside[0] = true
        while let place = open.popLast() {
            let (x, y) = (place % row, place / row)
            // Corners connect what is outside, since they do not connect the piece.
            for dy in -1...1 {
                for dx in -1...1 where (0..<row).contains(x + dx) && (0..<height + 2).contains(y + dy) {
                    let neighbour = place + dy * row + dx
                    if !isOutside[neighbour], pieces[neighbour] != number {
                        isOutside[neighbour] = true
                        open.append(neighbour)
                    }
                }
            }
        }
        // A hole's leftmost column has a pixel of the piece to its left, so that both parts are smaller than the whole.
        for place in members where pieces[place + 1] != number && !isOutside[place + 1] { return place + 1 }
        preconditionFailure("a piece whose outline encloses more than it has no hole")
    }

    private typealias Corner = (x: Int, y: Int)

    /// The corners of the outer edge, clockwise, the piece to the right hand.
    ///
    /// Pixels that touch at a corner are apart there.
    ///
    /// - Parameter start: The piece's first pixel in order of place, so that this corner is passed once.
    private func outline(from start: Int, _ number: Int32) -> [Corner] {
        func isInside(_ x: Int, _ y: Int) -> Bool { pieces[(y + 1) * row + x + 1] == number }
        let first: Corner = (start % row - 1, start / row - 1)
        var corners: [Corner] = [first]
        var (x, y) = (first.x + 1, first.y)
        var (dx, dy) = (1, 0)
        while (x, y) != first {
            // The pixels ahead, to the right and to the left of the edge that was walked.
            let right = isInside(x + (dx - dy - 1) / 2, y + (dy + dx - 1) / 2)
            let left = isInside(x + (dx + dy - 1) / 2, y + (dy - dx - 1) / 2)
            let turned: (Int, Int)? = !right ? (-dy, dx) : left ? (dy, -dx) : nil
            if let turned {
                corners.append((x, y))
                (dx, dy) = turned
            }
            x += dx
            y += dy
        }
        return corners
    }

    /// Pixels inside of a loop, by the shoelace formula.
    private static func area(of loop: [Corner]) -> Int {
        var twice = 0
        for (index, corner) in loop.enumerated() {
            let next = loop[(index + 1) % loop.count]
            twice += corner.x * next.y - next.x * corner.y
        }
        return twice / 2
    }
}
