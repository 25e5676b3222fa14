import Datasets
import Foundation
import RunStore
import Testing

/// `hdf5_encoded` from the plan to the predictions, on Fixtures/containers/photos.h5: JPEGs that h5py wrote.
@Suite struct HDF5ImagesRunTests {
    private let photos: Photos

    init() throws {
        photos = try Photos(train: 0, test: 0)
        let fixture = Program.repository + "/Tests/Fixtures/containers/photos.h5"
        try photos.put(Data(contentsOf: URL(fileURLWithPath: fixture)), "photos.h5")
    }

    private func spec() throws -> String {
        try photos.spec(
            "dataset: hdf5_encoded, train_file: photos.h5, test_file: photos.h5, images_path: train/images, "
                + "labels_path: train/labels, test_images_path: test/images, test_labels_path: test/labels, "
                + "expected_train_images: 24, expected_test_images: 12")
    }

    @discardableResult
    private func works(_ arguments: String..., contains words: String? = nil) throws -> Program {
        let program = try photos.run(arguments)
        #expect(program.status == 0, "\(arguments): \(program.error)")
        if let words { #expect(program.output.contains(words), "\(arguments): \(program.output)") }
        return program
    }

    @Test func aRunIsPlannedTrainedResumedAndItsPredictionsNameTheImages() throws {
        let spec = try spec()
        try works("data", "check", spec, contains: "nothing odd")
        try works("plan", spec, "--no-calibration", contains: "2 of 2 runs to start")
        try works("run", spec)
        try works("run", spec, contains: "skipped")
        try works("verify-resume", spec, "--only", "ijepa", "--kills", "2")
        let run = try #require(try RunDirectory.all(inExperiment: photos.folder.path + "/results/photos").first)
        let file = try RunFile(path: run.resultsFile)
        let predictions = try #require(try file.predictions(encoder: "target"))
        #expect(predictions.labels.count == 12 && Set(predictions.labels) == [0, 1, 2])
        let names = predictions.indices.map { "/test/images[\($0)]" }
        #expect(predictions.names == names && Set(names).count == 12)
        // All contents are in the fingerprint.
        #expect(file.provenance["dataset_train_fingerprint"] != nil && file.provenance["dataset_train_sample"] == nil)
        try works("export", run.path, "--embeddings", "--format", "csv", "--output", "e.csv")
        let text = try String(contentsOfFile: photos.folder.path + "/e.csv", encoding: .utf8)
        for name in names { #expect(text.contains(name), "\(text.prefix(300))") }
    }

    @Test func aFileWithOtherContentsIsOtherData() throws {
        let spec = try spec()
        try works("run", spec, "--only", "ijepa")
        let path = photos.root + "/photos.h5"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        // In the middle of the pictures, whose bytes no name or size tells of.
        bytes[bytes.count / 2] ^= 1
        try photos.put(bytes, "photos.h5")
        let plan = try photos.run(["plan", spec, "--only", "ijepa", "--no-calibration", "--json"])
        let planned = try #require((plan.checkedJSON()["runs"] as? [[String: Any]])?.first, "\(plan.error)")
        #expect(planned["action"] as? String == "restart")
        #expect((planned["reason"] as? String)?.hasPrefix("data changed: dataset_test_fingerprint ") == true)
    }
}
