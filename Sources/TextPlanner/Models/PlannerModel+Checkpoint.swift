import Files
import Torch
import TrainingRuns

/// `config.json` of a planner's checkpoint.
struct PlannerDescription: Codable {
  static let modelType = "swift-jepa-planner"

  var modelType = Self.modelType
  var model: PlannerConfiguration
  var vocabulary: Vocabulary
  var limits: TextLimits
  /// The energy under which an answer is accepted.
  var threshold: Double
  /// What it was trained to be descended along; the gradient where nothing is said.
  var step: PlannerDirection?

  private enum CodingKeys: String, CodingKey {
    case modelType = "model_type"
    case model, vocabulary, limits, threshold, step
  }
}

/// What kind of model a `config.json` is of.
struct ModelKind: Decodable {
  let type: String?

  private enum CodingKeys: String, CodingKey { case type = "model_type" }
}

extension PlannerModel {
  static let weightsName = "model.safetensors"
  static let configurationName = "config.json"

  /// Opens the model in a run folder (its latest checkpoint) or a checkpoint's own folder.
  ///
  /// - Throws: `RunError` where the checkpoint is missing or damaged, `PlannerError.notAPlanner`,
  ///   `SafetensorsError`, `TorchError.stateMismatch`.
  public static func load(from path: String, device: Device = .cpu) throws -> PlannerModel {
    let checkpoint = try Checkpoint.open(at: path)
    let file = checkpoint.file(configurationName)
    let kind = try JSONFile.read(ModelKind.self, from: file)
    guard kind.type == PlannerDescription.modelType else {
      throw PlannerError.notAPlanner(path: file, found: kind.type ?? "none")
    }
    let description = try JSONFile.read(PlannerDescription.self, from: file)
    try description.model.validate()
    let model = PlannerModel(
      description.model, vocabulary: description.vocabulary, limits: description.limits,
      threshold: description.threshold, step: description.step ?? .gradient,
      using: RandomGenerator(seed: 0))
    try model.loadState(from: SafetensorsFile(path: checkpoint.file(weightsName)))
    model.train(false)
    model.requireGradients(false)
    model.move(to: device)
    return model
  }

  /// Writes the model into a folder.
  func save(to folder: String) throws {
    try SafetensorsWriter.write(
      state, metadata: ["format": "pt"], to: "\(folder)/\(Self.weightsName)")
    try JSONFile.write(
      PlannerDescription(
        model: configuration, vocabulary: vocabulary, limits: limits, threshold: threshold,
        step: step),
      to: "\(folder)/\(Self.configurationName)")
  }
}
