import Declarations
import Kernels
import Objectives
import TensorCore
import TestSupport
import Testing

@Suite struct LossTests {
    @Test("a prediction loss computes what it is defined as, and its gradient is the slope of that")
    func predictionLosses() {
        let backend = ReferenceBackend<Double>()
        let predictions = [-2.5, -1, -0.25, 0.25, 0.9, 1.1, 3]
        let targets = [0.5, -0.25, 0.125, 0.25, 0, 0, -4]
        for type in PredictionLosses.standard {
            guard let loss = type.init(Settings(type.keys)) as? any KernelPredictionLoss else {
                Issue.record("\(type.name) has no definition to compare with")
                continue
            }
            let gradient = backend.makeTensor(Shape(predictions.count))
            // Half of a batch.
            let count = 2 * predictions.count
            let value = loss.evaluator(width: 1, on: backend).evaluate(
                prediction: backend.constant(predictions, Shape(predictions.count)),
                target: backend.constant(targets, Shape(targets.count)), batchCount: count, gradient: gradient,
                targetGradient: nil, workspace: Workspace(backend, capacity: 0))
            let differences = zip(predictions, targets).map { $0 - $1 }
            let expected = differences.reduce(0) { $0 + loss.value(of: $1) } / Double(count)
            #expect(abs(value - expected) <= 1e-12, "\(type.name)")
            for (slope, difference) in zip(backend.doubles(gradient), differences) where difference != 0 {
                let h = 1e-6
                let numeric =
                    (loss.value(of: difference + h) - loss.value(of: difference - h)) / (2 * h * Double(count))
                #expect(abs(slope - numeric) <= 1e-8, "\(type.name) at \(difference): \(slope), \(numeric)")
            }
        }
    }

    @Test("weights are constant, warm up from zero, or fall to zero")
    func weightSchedules() {
        let steps = [0, 5, 10, 50, 100]
        func values(_ schedule: WeightSchedule) -> [Double] { steps.map { schedule.value(at: $0, of: 100) } }
        #expect(values(WeightSchedule(2)) == [2, 2, 2, 2, 2])
        #expect(values(WeightSchedule(2, form: .warmup, warmup: 0.1)) == [0, 1, 2, 2, 2])
        let cosine = values(WeightSchedule(2, form: .cosine))
        #expect(cosine[0] == 2 && abs(cosine[3] - 1) <= 1e-12 && abs(cosine[4]) <= 1e-12)
        #expect(zip(cosine, cosine.dropFirst()).allSatisfy { $0 > $1 })
        #expect(WeightSchedule(2, form: .warmup).value(at: 0, of: 0) == 2)
    }

    @Test("names, keys and columns of regularisers do not collide")
    func declarations() {
        let declarations = Regularizers.standard.map { $0.declaration }
        #expect(Set(declarations.map(\.name)).count == declarations.count)
        #expect(Set(declarations.map(\.projectorName)).count == declarations.count)
        let gradients = declarations.flatMap { [$0.gradientName] + $0.gradientPartNames } + ["prediction"]
        #expect(Set(gradients).count == gradients.count)
        for declaration in declarations {
            #expect(Set(declaration.keys.map(\.name)).count == declaration.keys.count)
            #expect(declaration.keys.allSatisfy { !$0.documentation.isEmpty })
            #expect(!declaration.parts.isEmpty && declaration.parts.count < MeasuredValues.capacity)
        }
        #expect(Set(PredictionLosses.standard.map { $0.name }).count == PredictionLosses.standard.count)
    }
}
