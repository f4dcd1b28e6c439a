import EnergyDescent
import Foundation
import Torch
import TrainingRuns

/// Everything beside the tensors that a run on clips needs to go on exactly.
struct ClipTrainingState: Codable {
  var progress: RunProgress
  var sampler: EpochSampler.State
  /// The state of the generator that tensors are drawn with.
  var generator: Data
  var collapseStrikes: Int
  var slowFeatures: SlowFeatureMonitor.State
  var dataFingerprint: String
}

/// The files of a checkpoint of a run on clips: those of `ClipModel`, `optimizer.safetensors`,
/// `monitor.safetensors`, `state.json` and `config.yaml`, so that the folder stands for itself.
enum ClipTrainingCheckpoint {
  static func write(
    to folder: String, model: ClipModel, descent: WeightDescent, monitor: CollapseMonitor,
    state: ClipTrainingState, configuration: ClipTrainingConfiguration
  ) throws {
    try model.save(to: folder)
    try SafetensorsWriter.write(descent.state, to: "\(folder)/optimizer.safetensors")
    if let window = monitor.window {
      try SafetensorsWriter.write([("embeddings", window)], to: "\(folder)/monitor.safetensors")
    }
    try JSONFile.write(state, to: "\(folder)/state.json")
    try Data(ConfigurationReader.yaml(of: configuration).utf8)
      .write(to: URL(fileURLWithPath: "\(folder)/config.yaml"))
  }

  /// Overwrites weights, memory and monitor with a checkpoint's.
  static func read(
    _ checkpoint: Checkpoint, into model: ClipModel, descent: WeightDescent,
    monitor: CollapseMonitor
  ) throws -> ClipTrainingState {
    try model.restore(from: checkpoint)
    try descent.restore(from: SafetensorsFile(path: checkpoint.file("optimizer.safetensors")))
    let state = try JSONFile.read(ClipTrainingState.self, from: checkpoint.file("state.json"))
    let file = checkpoint.file("monitor.safetensors")
    let window =
      FileManager.default.fileExists(atPath: file)
      ? try SafetensorsFile(path: file).tensor("embeddings") : nil
    monitor.restore(window: window, strikes: state.collapseStrikes)
    return state
  }
}
