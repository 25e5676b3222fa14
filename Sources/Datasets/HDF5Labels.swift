import HDF5

/// Classes of images as an array of whole numbers in an HDF5 file.
enum HDF5Labels {
    /// More classes than any data set has: what a class costs in memory is not taken on a file's word.
    private static let classLimit = 65_536

    /// - Parameters:
    ///   - array: Path of the array, [n] or [n, 1]; none: the images have no classes.
    ///   - count: Number of images n.
    ///   - classCount: Number of classes, where that is known.
    /// - Throws: `DatasetError` for arrays that are missing, of another shape, or with numbers that are no class.
    static func read(
        _ array: String?, in file: HDF5File, count: Int, classCount: Int? = nil, remedy: String
    ) throws -> [Int32]? {
        guard let array else { return nil }
        func failure(_ problem: String) -> DatasetError {
            DatasetError(place: "\(file.path): \(array)", problem: problem, remedy: remedy)
        }
        let numbers: [Int64]
        do {
            let dataset = try file.root.dataset(array)
            let shape = try dataset.shape()
            guard shape == [count] || shape == [count, 1] else {
                throw failure("has the shape \(shape) instead of one number for each of the \(count) images")
            }
            numbers = try dataset.read()
        } catch let error as HDF5Error {
            throw DatasetError(place: file.path, problem: "\(error.object): \(error.message)", remedy: remedy)
        }
        let limit = Int64(classCount ?? classLimit)
        if let index = numbers.firstIndex(where: { !(0..<limit).contains($0) }) {
            throw failure("has the class \(numbers[index]) for image \(index), outside 0…\(limit - 1)")
        }
        return numbers.map { Int32($0) }
    }
}
