import Declarations

extension DataConfiguration.Dataset: SpecChoice {}
extension TrainingConfiguration.Precision: SpecChoice {}
extension ModelConfiguration.Initialization: SpecChoice {}
extension ModelConfiguration.Preset: SpecChoice {}
extension ResourceConfiguration.FailurePolicy: SpecChoice {}
extension PredictorConfiguration.Kind: SpecChoice {}
extension MaskConfiguration.Sampler: SpecChoice {}
extension MaskConfiguration.ContextCount: SpecChoice {}
extension TargetEncoderConfiguration.Kind: SpecChoice {}
extension TargetEncoderConfiguration.MomentumSchedule: SpecChoice {}
extension OptimizerConfiguration.DecaySchedule: SpecChoice {}
extension EvaluationConfiguration.Encoder: SpecChoice {}
