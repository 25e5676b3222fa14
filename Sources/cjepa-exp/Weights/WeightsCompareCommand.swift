import ArgumentParser
import Foundation
import PretrainedWeights
import RunStore

/// `cjepa-exp weights compare`: which tensors of two encoders differ, and how much.
struct WeightsCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Show which tensors of two encoders differ, and by how much.",
        discussion: "Tensors are compared by their places in the network, whatever their files call them.")

    @Argument(help: "A file or folder of weights, or a run.", completion: .file())
    var first: String

    @Argument(help: "The weights to compare with them.", completion: .file())
    var second: String

    @Option(
        help: ArgumentHelp(
            "Encoder of files that hold two: target or context. (default: target)", valueName: "encoder"))
    var encoder: EncoderChoice?

    @OptionGroup var hints: WeightHints

    @Option(help: ArgumentHelp("Folder that holds the results.", valueName: "dir"), completion: .directory)
    var results = "results"

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        Console.begin("comparing \(first) and \(second)")
        let encoders = try [first, second].map { text in
            try WeightPlace(text, results: results).open(hints.hints()).encoder(encoder?.role)
        }
        let answer = ComparedWeights(encoders[0], encoders[1], try WeightComparison(encoders[0], encoders[1]))
        print(json ? String(decoding: try StoredJSON.encode(answer), as: UTF8.self) : answer.text)
    }
}

/// A comparison as it is printed.
struct ComparedWeights: Encodable {
    struct Tensor: Encodable {
        let name: String
        let shape: [Int]
        let isEqual: Bool
        let largestDifference: Double
        let relativeDifference: Double
    }

    let first, second: String
    let firstEncoder, secondEncoder: String
    let equal: Bool
    let tensors: [Tensor]
    let onlyInFirst, onlyInSecond, otherShapes: [String]

    init(_ first: PretrainedEncoder, _ second: PretrainedEncoder, _ comparison: WeightComparison) {
        (self.first, self.second) = (first.file, second.file)
        (firstEncoder, secondEncoder) = (first.role.rawValue, second.role.rawValue)
        equal = comparison.isEqual
        tensors = comparison.differences.map {
            Tensor(
                name: $0.name, shape: $0.shape, isEqual: $0.isEqual, largestDifference: $0.largest,
                relativeDifference: $0.relative)
        }
        (onlyInFirst, onlyInSecond) = (comparison.onlyInFirst, comparison.onlyInSecond)
        otherShapes = comparison.otherShapes
    }

    /// For people: the sum of it, then each tensor that differs.
    var text: String {
        let different = tensors.filter { !$0.isEqual }
        var lines = [
            "\(first) (\(firstEncoder)) and \(second) (\(secondEncoder)): "
                + (equal
                    ? "all \(tensors.count) tensors are equal"
                    : "\(tensors.count - different.count) of \(tensors.count) tensors are equal")
        ]
        for (what, names) in [
            ("only in the first", onlyInFirst), ("only in the second", onlyInSecond), ("of another shape", otherShapes),
        ] where !names.isEmpty { lines.append("\(what): \(names.joined(separator: ", "))") }
        guard !different.isEmpty else { return lines.joined(separator: "\n") }
        let rows =
            [["tensor", "shape", "largest |a − b|", "‖a − b‖ / ‖a‖"]]
            + different.map {
                [
                    $0.name, $0.shape.map(String.init).joined(separator: "×"), WeightNumber.text($0.largestDifference),
                    WeightNumber.text($0.relativeDifference),
                ]
            }
        return (lines + [""] + WeightNumber.grid(rows)).joined(separator: "\n")
    }
}
