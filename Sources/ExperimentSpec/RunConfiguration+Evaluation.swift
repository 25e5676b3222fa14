import Declarations
package import Evaluation

extension RunConfiguration {
    /// Every evaluation task that there is, with this run's settings.
    package var allEvaluationTasks: [RunTask] {
        Catalogue.current.evaluationTasks.map { type in
            RunTask(
                type, settings(of: type.declaration.keys, in: type.declaration.group),
                seed: UInt64(truncatingIfNeeded: seed))
        }
    }

    /// Those that the run has.
    package var evaluationTasks: [RunTask] { allEvaluationTasks.filter(\.isEnabled) }

    /// Takes over how another run's features are evaluated, but not when and of which encoders.
    package mutating func takeEvaluation(of other: RunConfiguration) {
        evaluation = other.evaluation
        evaluation.everySteps = 0
        evaluation.encoders = []
        for task in other.evaluationTasks {
            let declaration = task.declaration
            for key in declaration.keys {
                let path = "\(declaration.group).\(key.name)"
                declared[path] = other.declared[path]
            }
            if let path = declaration.intermediatePath { set(path, to: false) }
        }
    }

    /// The same run with settings of its tasks that a moment's work is enough for.
    package var rehearsingEvaluation: RunConfiguration {
        var configuration = self
        for task in evaluationTasks {
            for (name, value) in task.declaration.rehearsal {
                configuration.set("\(task.declaration.group).\(name)", to: value)
            }
        }
        return configuration
    }
}
