package import RunStore
import Foundation

/// What a worker says while it runs: one JSON object per line on its standard output, keys in snake_case.
///
/// `{"event":"step","step":120,"total_steps":2000,"epoch":1,"loss":0.42,"terms":{"prediction_loss":0.41},…}`
package enum WorkerEvent: Hashable, Sendable {
    /// The run is set up; `step` is where it goes on from (0: from the start).
    case start(totalSteps: Int, step: Int, parameters: Int?)
    case step(StepReport)
    /// What it does besides training: "evaluating", "writing" …
    case phase(name: String)
    /// Numbers of one encoder ("target" or "context") after `step` steps.
    case evaluation(step: Int, encoder: String, metrics: [String: Double])
    case checkpoint(step: Int)
    /// Something was wrong and could be helped: a damaged checkpoint.
    case warning(String)
    /// The last line; `status` is done, collapsed, interrupted or failed.
    case end(status: RunStatus, message: String?)
}

/// How training stands after a step.
package struct StepReport: Codable, Hashable, Sendable {
    /// Optimiser steps done, of `totalSteps`.
    package var step: Int
    package var totalSteps: Int
    package var epoch: Int?
    /// The whole objective.
    package var loss: Double
    /// Parts of the objective by the names of the stored series: "prediction_loss", "vicreg_variance" …
    package var terms: [String: Double]
    package var imagesPerSecond: Double?
    /// Time that is left for training, seconds, as the worker predicts it.
    package var secondsLeft: Double?
    /// Share of the latest steps' time that was spent waiting for images.
    package var loaderWaitShare: Double?

    package init(
        step: Int, totalSteps: Int, epoch: Int? = nil, loss: Double, terms: [String: Double] = [:],
        imagesPerSecond: Double? = nil, secondsLeft: Double? = nil, loaderWaitShare: Double? = nil
    ) {
        self.step = step
        self.totalSteps = totalSteps
        self.epoch = epoch
        self.loss = loss
        self.terms = terms
        self.imagesPerSecond = imagesPerSecond
        self.secondsLeft = secondsLeft
        self.loaderWaitShare = loaderWaitShare
    }

    enum CodingKeys: String, CodingKey {
        case step, epoch, loss, terms
        case totalSteps = "total_steps"
        case imagesPerSecond = "images_per_second"
        case secondsLeft = "seconds_left"
        case loaderWaitShare = "loader_wait_share"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        step = try container.decode(Int.self, forKey: .step)
        totalSteps = try container.decode(Int.self, forKey: .totalSteps)
        epoch = try container.decodeIfPresent(Int.self, forKey: .epoch)
        loss = try container.decode(Double.self, forKey: .loss)
        terms = try container.decodeIfPresent([String: Double].self, forKey: .terms) ?? [:]
        imagesPerSecond = try container.decodeIfPresent(Double.self, forKey: .imagesPerSecond)
        secondsLeft = try container.decodeIfPresent(Double.self, forKey: .secondsLeft)
        loaderWaitShare = try container.decodeIfPresent(Double.self, forKey: .loaderWaitShare)
    }
}

extension WorkerEvent: Codable {
    private enum Name: String, Codable {
        case start, step, phase, evaluation, checkpoint, warning, end
    }

    private enum CodingKeys: String, CodingKey {
        case event, step, parameters, name, encoder, metrics, status, message
        case totalSteps = "total_steps"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Name.self, forKey: .event) {
        case .start:
            self = .start(
                totalSteps: try container.decode(Int.self, forKey: .totalSteps),
                step: try container.decodeIfPresent(Int.self, forKey: .step) ?? 0,
                parameters: try container.decodeIfPresent(Int.self, forKey: .parameters))
        case .step:
            self = .step(try StepReport(from: decoder))
        case .phase:
            self = .phase(name: try container.decode(String.self, forKey: .name))
        case .evaluation:
            self = .evaluation(
                step: try container.decode(Int.self, forKey: .step),
                encoder: try container.decode(String.self, forKey: .encoder),
                metrics: try container.decode([String: Double].self, forKey: .metrics))
        case .checkpoint:
            self = .checkpoint(step: try container.decode(Int.self, forKey: .step))
        case .warning:
            self = .warning(try container.decode(String.self, forKey: .message))
        case .end:
            self = .end(
                status: try container.decode(RunStatus.self, forKey: .status),
                message: try container.decodeIfPresent(String.self, forKey: .message))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .start(let totalSteps, let step, let parameters):
            try container.encode(Name.start, forKey: .event)
            try container.encode(totalSteps, forKey: .totalSteps)
            try container.encode(step, forKey: .step)
            try container.encodeIfPresent(parameters, forKey: .parameters)
        case .step(let report):
            try container.encode(Name.step, forKey: .event)
            try report.encode(to: encoder)
        case .phase(let name):
            try container.encode(Name.phase, forKey: .event)
            try container.encode(name, forKey: .name)
        case .evaluation(let step, let encoderName, let metrics):
            try container.encode(Name.evaluation, forKey: .event)
            try container.encode(step, forKey: .step)
            try container.encode(encoderName, forKey: .encoder)
            try container.encode(metrics, forKey: .metrics)
        case .checkpoint(let step):
            try container.encode(Name.checkpoint, forKey: .event)
            try container.encode(step, forKey: .step)
        case .warning(let message):
            try container.encode(Name.warning, forKey: .event)
            try container.encode(message, forKey: .message)
        case .end(let status, let message):
            try container.encode(Name.end, forKey: .event)
            try container.encode(status, forKey: .status)
            try container.encodeIfPresent(message, forKey: .message)
        }
    }

    /// The event that a line holds; nil for anything else, for example a library's own print.
    package init?(line: some StringProtocol) {
        guard line.contains("{") else { return nil }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let event = try? decoder.decode(WorkerEvent.self, from: Data(line.utf8)) else { return nil }
        self = event
    }

    /// The event as one line without its line feed; numbers that are not finite become "nan", "inf", "-inf".
    package func line() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
