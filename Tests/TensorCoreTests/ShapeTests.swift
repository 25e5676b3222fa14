import TensorCore
import Testing

@Suite("Shape and HostBuffer")
struct ShapeTests {
    @Test("Count, rows and columns follow from the extents")
    func products() {
        let shape = Shape(2, 3, 4, 5)
        #expect(shape.rank == 4 && shape.count == 120 && shape.rows == 24 && shape.columns == 5)
        #expect(shape.dimensions == [2, 3, 4, 5] && shape.description == "[2, 3, 4, 5]")
        #expect(shape[0] == 2 && shape[3] == 5)
    }

    @Test("A scalar has one element, one row and one column")
    func scalar() {
        let shape = Shape([])
        #expect(shape.rank == 0 && shape.count == 1 && shape.rows == 1 && shape.columns == 1)
        #expect(shape.description == "[]")
    }

    @Test("Empty extents give no elements and no rows")
    func empty() {
        #expect(Shape(3, 0).count == 0 && Shape(3, 0).rows == 0)
        #expect(Shape(0, 3).count == 0 && Shape(0, 3).rows == 0)
    }

    @Test("Equality tells ranks apart")
    func equality() {
        #expect(Shape(3) != Shape(3, 1))
        #expect(Shape(2, 3) == Shape([2, 3]) && Shape(2, 3) != Shape(3, 2))
        #expect(Set([Shape(1), Shape(1, 1), Shape(1)]).count == 2)
    }

    @Test("A buffer starts zeroed, is aligned to 64 bytes and keeps what is written")
    func buffer() {
        let buffer = HostBuffer<Float>(count: 5)
        #expect(buffer.array == [0, 0, 0, 0, 0])
        #expect(Int(bitPattern: buffer.pointer) % 64 == 0)
        buffer[4] = 2.5
        #expect(buffer.array == [0, 0, 0, 0, 2.5])
        #expect(HostBuffer<Int32>([1, 2, 3]).array == [1, 2, 3])
        #expect(HostBuffer<Int32>([]).array.isEmpty)
    }
}
