import Analysis
import Datasets
import ExperimentSpec
import HDF5
import Masking
import Orchestration
import Pictures
import RunStore
import Safetensors
import Testing
import Training

@testable import cjepa_exp

/// Every error that a user can cause is shown as `place: error: problem`, then what to do, with its exit code.
@Suite struct ErrorReportTests {
    /// A thousand values out of range are one mistake.
    @Test func aFloodOfErrorsIsCutWithTheirNumber() throws {
        let errors = (1...80).map { SpecError(SpecLocation(file: "a", line: $0), "b") }
        let lines = try #require(ErrorReport(SpecErrors(errors)).rendered).text.split(separator: "\n")
        #expect(lines.count == 51 && lines.last == "… and 30 more errors; mend these first")
        let few = try #require(ErrorReport(SpecErrors(Array(errors.prefix(50)))).rendered).text
        #expect(few.split(separator: "\n").count == 50)
    }

    @Test func everyErrorHasOneShape() throws {
        let cases: [(any Error, Int32, String)] = [
            (DatasetError(place: "a", problem: "b", remedy: "c"), 64, "a: error: b\n    → c"),
            (UnusableInput(place: "a", problem: "b", remedy: "c"), 64, "a: error: b\n    → c"),
            (RunStoreError(file: "a", message: "b", remedy: "c"), 1, "a: error: b\n    → c"),
            (SafetensorsError(file: "a", message: "b", remedy: "c"), 1, "a: error: b\n    → c"),
            (
                SafetensorsError(file: "a", tensor: "t", message: "b", remedy: "c"), 1,
                "a: error: tensor \"t\": b\n    → c"
            ),
            (AnalysisError(.outputExists, path: "a", message: "b", remedy: "c"), 64, "a: error: b\n    → c"),
            (AnalysisError(.unknownName, path: "a", message: "b", remedy: "c"), 64, "a: error: b\n    → c"),
            (AnalysisError(.unusableResults, path: "a", message: "b", remedy: "c"), 1, "a: error: b\n    → c"),
            (OrchestrationError(.conflict, path: "a", message: "b", remedy: "c"), 64, "a: error: b\n    → c"),
            (OrchestrationError(.locked, path: "a", message: "b", remedy: "c"), 1, "a: error: b\n    → c"),
            (
                FileWriteError(path: "a", operation: "create", code: 2), 1,
                "a: error: cannot create: No such file or directory\n    → create the folder that is to hold it"
            ),
        ]
        for (error, code, text) in cases {
            let rendered = try #require(ErrorReport(error).rendered)
            #expect(rendered.text == text)
            #expect(rendered.code == code)
        }
    }

    @Test func errorsOfFilesAndTrainingNameARemedyToo() throws {
        let file = HDF5Error(operation: "open", file: "run.h5", object: "/", message: "truncated file")
        let opened = try #require(ErrorReport(file).rendered)
        #expect(opened.code == 1)
        #expect(opened.text.hasPrefix("run.h5: error: /: cannot open: truncated file\n    → the file is damaged"))
        let training = try #require(ErrorReport(TrainingError.nonFinite("the loss", step: 3)).rendered)
        #expect(training.code == 1)
        #expect(training.text.hasPrefix("training: error: the loss is not finite at step 3\n    → "))
    }
}
