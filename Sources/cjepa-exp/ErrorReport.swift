import Analysis
import ArgumentParser
import CAllocations
import Datasets
import ExperimentSpec
import FeatureFiles
import Foundation
import HDF5
import Masking
import Orchestration
import Pictures
import PretrainedWeights
import RunStore
import Safetensors
import Training

/// How an error is shown on standard error, and with which code the program ends.
struct ErrorReport {
    /// The command line, the spec or the data cannot be used (EX_USAGE).
    static let unusableInput: Int32 = 64
    static let failure: Int32 = 1

    private let error: any Error

    init(_ error: any Error) {
        self.error = error
    }

    func exit() -> Never {
        Console.activity.end()
        guard let rendered else { CJEPAExp.exit(withError: error) }
        print()
        Foundation.exit(rendered.code)
    }

    /// Writes the error to standard error.
    func print() {
        Console.note(rendered?.text ?? CJEPAExp.fullMessage(for: error))
    }

    /// Nil for what the argument parser shows itself: help, its own errors, exit codes.
    var rendered: (text: String, code: Int32)? {
        switch error {
        case let errors as SpecErrors:
            return (Self.lines(errors.errors).joined(separator: "\n"), Self.unusableInput)
        case let error as FitError:
            let texts = error.problems.compactMap { ErrorReport($0).rendered?.text }
            return (texts.joined(separator: "\n"), Self.unusableInput)
        case let error as SpecError:
            return (Self.line(error), Self.unusableInput)
        case let error as ThreadRefused:
            return ("error: \(error)\n    → \(error.remedy)", CALLOCATIONS_OUT_OF_MEMORY)
        default:
            return explanation.map { explanation in
                var text = "\(Self.oneLine(explanation.place)): error: \(explanation.problem)"
                if let remedy = explanation.remedy { text += "\n    → \(remedy)" }
                return (text, explanation.code)
            }
        }
    }

    /// "place: problem; remedy", for errors that are told and do not end the program.
    var line: String {
        if let error = error as? SpecError { return Self.line(error, kind: "").replacing("\n    → ", with: "; ") }
        guard let explanation else { return "\(error)" }
        return "\(Self.oneLine(explanation.place)): \(explanation.problem)"
            + (explanation.remedy.map { "; \($0)" } ?? "")
    }

    /// An error that is about one file, folder or setting.
    struct Explanation {
        let place: String
        let problem: String
        let remedy: String?
        let code: Int32
    }

    /// Nil for errors of specs, which have lines and key paths, and for those of the argument parser.
    var explanation: Explanation? {
        switch error {
        case let error as DatasetError:
            Explanation(
                place: error.place, problem: error.problem, remedy: error.remedy, code: Self.unusableInput)
        case let error as MaskError:
            Explanation(
                place: error.setting, problem: error.problem, remedy: error.remedy, code: Self.unusableInput)
        case let error as UnusableInput:
            Explanation(
                place: error.place, problem: error.problem, remedy: error.remedy, code: Self.unusableInput)
        case let error as OrchestrationError:
            Explanation(
                place: error.path, problem: error.message, remedy: error.remedy,
                code: [.locked, .noMatch].contains(error.code) ? Self.failure : Self.unusableInput)
        case let error as AnalysisError:
            Explanation(
                place: error.path, problem: error.message, remedy: error.remedy,
                code: [.unknownName, .outputExists].contains(error.code) ? Self.unusableInput : Self.failure)
        case let error as FeatureFileError:
            Explanation(
                place: error.file, problem: (error.dataset.map { "\($0): " } ?? "") + error.message,
                remedy: error.remedy, code: Self.unusableInput)
        case let error as WeightError:
            Explanation(
                place: error.file, problem: (error.tensor.map { "\($0): " } ?? "") + error.message,
                remedy: error.remedy, code: Self.unusableInput)
        case let error as RunStoreError:
            Explanation(place: error.file, problem: error.message, remedy: error.remedy, code: Self.failure)
        case let error as SafetensorsError:
            Explanation(
                place: error.file,
                problem: (error.tensor.map { "tensor \"\($0)\": " } ?? "") + error.message, remedy: error.remedy,
                code: Self.failure)
        case let error as HDF5Error:
            Explanation(
                place: error.file, problem: "\(error.object): cannot \(error.operation): \(error.message)",
                remedy: "the file is damaged or was not written by cjepa-exp: remove it, and `cjepa-exp run` makes it "
                    + "again", code: Self.failure)
        case let error as FileWriteError:
            Explanation(
                place: error.path, problem: "cannot \(error.operation): \(error.cause)",
                remedy: error.remedy, code: Self.failure)
        case let error as PictureError:
            Explanation(place: error.path, problem: error.problem, remedy: error.remedy, code: Self.failure)
        case let error as TrainingError:
            Self.explanation(of: error)
        default:
            nil
        }
    }

    /// Its description is the problem, and after a semicolon what to do.
    private static func explanation(of error: TrainingError) -> Explanation {
        let parts = error.description.split(separator: "; ", maxSplits: 1).map(String.init)
        return Explanation(
            place: "training", problem: parts[0], remedy: parts.count > 1 ? parts[1] : nil, code: failure)
    }

    /// A name of a file cannot end its line and begin another that looks like a message.
    private static func oneLine(_ place: String) -> String { place.replacing("\n", with: "\\n") }

    /// As many errors of a spec as somebody reads at once.
    private static let shownErrors = 50

    private static func lines(_ errors: [SpecError]) -> [String] {
        let more = errors.count - shownErrors
        return errors.prefix(shownErrors).map(line)
            + (more > 0 ? ["… and \(counted(more, "more error")); mend these first"] : [])
    }

    /// `file:line:column: error: key.path: message; did you mean 'name'?`, then what to do.
    private static func line(_ error: SpecError) -> String { line(error, kind: "error: ") }

    private static func line(_ error: SpecError, kind: String) -> String {
        var text = "\(error.location): \(kind)"
        if let keyPath = error.keyPath { text += "\(keyPath): " }
        text += error.message
        if let nearest = error.nearest { text += "; did you mean '\(nearest)'?" }
        if let remedy = error.remedy { text += "\n    → \(remedy)" }
        return text
    }
}
