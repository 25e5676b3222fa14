import Declarations

extension TrainingConfiguration.Precision: SpecChoice {}
extension ModelConfiguration.Initialization: SpecChoice {}
extension ModelConfiguration.Preset: SpecChoice {}
extension ModelConfiguration.WeightPart: SpecChoice {}
extension ResourceConfiguration.FailurePolicy: SpecChoice {}
extension OptimizerConfiguration.DecaySchedule: SpecChoice {}
extension EvaluationConfiguration.Encoder: SpecChoice {}
