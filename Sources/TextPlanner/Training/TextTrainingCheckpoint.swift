import EnergyDescent
import Foundation
import Torch
import TrainingRuns

/// Everything beside the tensors that a run needs to go on exactly.
struct TextTrainingState: Codable {
  var progress: RunProgress
  var sampler: EpochSampler.State
  /// The state of the generator that tensors are drawn with.
  var generator: Data
  /// The generator of everything else.
  var draws: SeededGenerator
  var collapseStrikes: Int
  var dataFingerprint: String
}

/// The files of a checkpoint of a planner's training.
///
/// `model.safetensors` and `config.json` are the planner; `optimizer.safetensors` the update rule's memory,
/// `rollout.safetensors` and `rollout.json` the model's descents under way, `monitor.safetensors` the
/// embeddings that collapse is judged by, `state.json` the rest, and `config.yaml` the run's configuration.
enum TextTrainingCheckpoint {
  static func write(
    to folder: String, model: PlannerModel, descent: WeightDescent, buffer: RolloutBuffer,
    window: EmbeddingWindow, state: TextTrainingState, configuration: TextTrainingConfiguration
  ) throws {
    try model.save(to: folder)
    try SafetensorsWriter.write(descent.state, to: "\(folder)/optimizer.safetensors")
    try SafetensorsWriter.write(
      [("latents", buffer.latents)], to: "\(folder)/rollout.safetensors")
    try JSONFile.write(buffer.state, to: "\(folder)/rollout.json")
    if let embeddings = window.embeddings {
      try SafetensorsWriter.write(
        [("embeddings", embeddings)], to: "\(folder)/monitor.safetensors")
    }
    try JSONFile.write(state, to: "\(folder)/state.json")
    try ConfigurationReader.yaml(of: configuration)
      .write(toFile: "\(folder)/config.yaml", atomically: false, encoding: .utf8)
  }

  /// Overwrites weights, memory and descents with a checkpoint's.
  static func read(
    _ checkpoint: Checkpoint, into model: PlannerModel, descent: WeightDescent,
    buffer: RolloutBuffer
  ) throws -> (state: TextTrainingState, window: EmbeddingWindow) {
    try model.loadState(
      from: SafetensorsFile(path: checkpoint.file(PlannerModel.weightsName)))
    try descent.restore(from: SafetensorsFile(path: checkpoint.file("optimizer.safetensors")))
    buffer.restore(
      try JSONFile.read(RolloutBuffer.State.self, from: checkpoint.file("rollout.json")),
      latents: try SafetensorsFile(path: checkpoint.file("rollout.safetensors")).tensor("latents"))
    let monitorFile = checkpoint.file("monitor.safetensors")
    let embeddings =
      FileManager.default.fileExists(atPath: monitorFile)
      ? try SafetensorsFile(path: monitorFile).tensor("embeddings") : nil
    return (
      try JSONFile.read(TextTrainingState.self, from: checkpoint.file("state.json")),
      EmbeddingWindow(embeddings)
    )
  }
}
