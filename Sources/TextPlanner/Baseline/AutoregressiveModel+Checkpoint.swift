import Files
import Torch
import TrainingRuns

/// `config.json` of a baseline's checkpoint.
private struct AutoregressiveDescription: Codable {
  static let modelType = "swift-jepa-autoregressive"

  var modelType = Self.modelType
  var model: PlannerConfiguration
  var vocabulary: Vocabulary
  var limits: TextLimits

  private enum CodingKeys: String, CodingKey {
    case modelType = "model_type"
    case model, vocabulary, limits
  }
}

extension AutoregressiveModel {
  static let weightsName = "model.safetensors"
  static let configurationName = "config.json"

  /// Opens the model in a run folder (its latest checkpoint) or a checkpoint's own folder.
  ///
  /// - Throws: `RunError` where the checkpoint is missing or damaged, `BaselineError.notABaseline`,
  ///   `SafetensorsError`, `TorchError.stateMismatch`.
  public static func load(from path: String, device: Device = .cpu) throws -> AutoregressiveModel {
    let checkpoint = try Checkpoint.open(at: path)
    let file = checkpoint.file(configurationName)
    let kind = try JSONFile.read(ModelKind.self, from: file)
    guard kind.type == AutoregressiveDescription.modelType else {
      throw BaselineError.notABaseline(
        path: file, expected: AutoregressiveDescription.modelType, found: kind.type ?? "none")
    }
    let description = try JSONFile.read(AutoregressiveDescription.self, from: file)
    try description.model.validate()
    let model = AutoregressiveModel(
      description.model, vocabulary: description.vocabulary, limits: description.limits,
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
      AutoregressiveDescription(model: configuration, vocabulary: vocabulary, limits: limits),
      to: "\(folder)/\(Self.configurationName)")
  }
}
