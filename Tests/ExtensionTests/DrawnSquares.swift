import Datasets
import Declarations

/// A data set that the program does not have: grey squares on black, drawn in memory. The class is a square's quarter.
///
/// All that it takes is this file and a place in the list.
struct DrawnSquares: ImageCollection {
    static let name = "squares"
    static let summary = "squares, drawn where they are needed"
    static let keys = [
        DeclaredKey(
            "square_side", default: 5, "Side of a square, pixels.", limits: .between(1, 8), synonyms: "edge"),
        DeclaredKey("squares", default: 80, "Training images; a quarter as many to test.", limits: .between(8, 1000)),
    ]

    let side: Int
    let count: Int

    init(_ settings: Settings) { (side, count) = (settings["square_side"], settings["squares"]) }

    var knownSizes: SplitSizes? { SplitSizes(train: count, test: count / 4) }
    var knownGeometry: ImageGeometry? { ImageGeometry(channels: 1, height: 16, width: 16) }
    var classNames: [String]? { ["north-west", "north-east", "south-west", "south-east"] }

    func trainingImageCount() -> Int { count }

    func open() -> DatasetSplits {
        let train = images(0..<count)
        var test = images(count..<count + count / 4)
        test.normalization = train.normalization
        return DatasetSplits(train: train, test: test)
    }

    private func images(_ numbers: Range<Int>) -> ImageDataset {
        let pixels = numbers.flatMap { number in
            let (top, left) = (8 * (number / 2 % 2), 8 * (number % 2))
            let shade = UInt8(128 + number % 100)
            return (0..<256).map { place in
                let (row, column) = (place / 16 - top, place % 16 - left)
                return (0..<side).contains(row) && (0..<side).contains(column) ? shade : 0
            }
        }
        return ImageDataset(
            name: Self.name, channels: 1, height: 16, width: 16, classCount: 4, pixels: pixels,
            labels: numbers.map { Int32($0 % 4) })
    }
}
