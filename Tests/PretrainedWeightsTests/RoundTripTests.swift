import Foundation
import Networks
import PretrainedWeights
import Safetensors
import TestSupport
import Testing

@Suite struct RoundTripTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

    private func expectEqual(_ found: PretrainedEncoder, _ expected: PretrainedEncoder, _ what: String) throws {
        #expect(try bits(found.values().parameters) == bits(expected.values().parameters), "\(what)")
        let (rows, columns) = (try #require(expected.geometry.rows), try #require(expected.geometry.columns))
        #expect(found.geometry.rows == rows && found.geometry.columns == columns, "\(what)")
        #expect(found.geometry.patchSize == expected.geometry.patchSize && found.geometry.heads == 2, "\(what)")
        let positions = try found.positions(rows: rows, columns: columns)
        #expect(
            try bits(positions.values) == bits(expected.positions(rows: rows, columns: columns).values), "\(what)")
    }

    private static let folders: [WeightExport.Form: String] = [
        .huggingFace: "hf", .timm: "timm", .ijepa: "i.pth.tar", .stateDict: "s.pth", .safetensors: "o.safetensors",
    ]

    @Test(arguments: [false, true])
    func everyFormGivesBackTheSameBits(ofOwnPositions: Bool) throws {
        let path = folder.file("start.safetensors")
        try (ofOwnPositions ? SmallWeights.timm() : SmallWeights.checkpoint()).write(to: path)
        let start = try PretrainedWeights(path: path, hints: SmallWeights.hints)
        #expect(start.format == (ofOwnPositions ? .timm : .checkpoint))
        let wanted = try start.encoder()
        #expect(wanted.role == (ofOwnPositions ? .only : .target))
        // Each form is written from the one before.
        var source = start
        for form in WeightExport.Form.allCases {
            let target = folder.file(Self.folders[form] ?? "")
            let files = try WeightExport(source).write(form, to: target)
            #expect(files.count == (form == .huggingFace ? 3 : form == .timm ? 2 : 1))
            // What the form tells by itself needs no hints.
            let tells = form.isFolder || form == .safetensors
            source = try PretrainedWeights(path: target, hints: tells ? .init() : .init(heads: 2))
            try expectEqual(source.encoder(), wanted, "\(form)")
        }
    }

    @Test(arguments: [WeightExport.Form.ijepa, .safetensors])
    func bothEncodersAndThePredictorAreKept(_ form: WeightExport.Form) throws {
        let path = folder.file("start.safetensors")
        try SmallWeights.checkpoint().write(to: path)
        let start = try PretrainedWeights(path: path, hints: SmallWeights.hints)
        #expect(start.otherParts == ["optimiser", "projector (vicreg_projector)"])
        let target = folder.file("written")
        _ = try WeightExport(start).write(form, to: target)
        let written = try PretrainedWeights(path: target, hints: .init(heads: 2))
        #expect(written.roles == [.context, .target] && written.hasPredictor)
        for role in written.roles { try expectEqual(written.encoder(role), start.encoder(role), "\(role)") }
        #expect(
            try bits(start.encoder(.context).values().parameters) != bits(start.encoder(.target).values().parameters))
        let (found, expected) = (try #require(try written.predictor()), try #require(try start.predictor()))
        #expect(try bits(found.values().parameters) == bits(expected.values().parameters))
        #expect(found.width == 8 && found.depth == 1 && found.hiddenWidth == 32 && found.encoderWidth == 16)
    }

    @Test func positionsAreWrittenForAnotherGrid() throws {
        let path = folder.file("start.safetensors")
        try SmallWeights.timm().write(to: path)
        let start = try PretrainedWeights(path: path, hints: .init(heads: 2))
        let target = folder.file("wide")
        _ = try WeightExport(start, grid: (rows: 2, columns: 5)).write(.huggingFace, to: target)
        let written = try PretrainedWeights(path: target).encoder()
        #expect(written.geometry.rows == 2 && written.geometry.columns == 5)
        let expected = try start.encoder().positions(rows: 2, columns: 5)
        #expect(try written.positions(rows: 2, columns: 5) == expected)
        #expect(expected.values.count == 160 && expected.values.allSatisfy(\.isFinite))
    }

    @Test func equalWeightsGiveEqualFiles() throws {
        let path = folder.file("start.safetensors")
        try SmallWeights.checkpoint().write(to: path)
        let start = try PretrainedWeights(path: path, hints: SmallWeights.hints)
        for form in [WeightExport.Form.ijepa, .stateDict, .safetensors] {
            let files = [folder.file("a"), folder.file("b")]
            for file in files { _ = try WeightExport(start).write(form, to: file) }
            let contents = try files.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
            #expect(contents[0] == contents[1] && contents[0].count > 1000, "\(form)")
        }
    }
}
