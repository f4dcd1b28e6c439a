import EnergyDescent
import Files
import Foundation
import Torch
import TrainingRuns

/// Everything beside the tensors that a run needs to go on exactly: `state.json`.
///
/// A learner's memory lies among the loop's own keys.
struct TrainingState<Memory: Codable>: Codable {
  var progress = RunProgress()
  var sampler: EpochSampler.State
  /// The state of the generator that tensors are drawn with.
  var generator = Data()
  var collapseStrikes = 0
  var dataFingerprint: String
  var memory: Memory

  init(sampler: EpochSampler.State, dataFingerprint: String, memory: Memory) {
    self.sampler = sampler
    self.dataFingerprint = dataFingerprint
    self.memory = memory
  }

  private enum CodingKeys: String, CodingKey {
    case progress, sampler, generator, collapseStrikes, dataFingerprint
  }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    progress = try values.decode(RunProgress.self, forKey: .progress)
    sampler = try values.decode(EpochSampler.State.self, forKey: .sampler)
    // Baselines of version 0.1.0 have neither of the two.
    generator = try values.decodeIfPresent(Data.self, forKey: .generator) ?? Data()
    collapseStrikes = try values.decodeIfPresent(Int.self, forKey: .collapseStrikes) ?? 0
    dataFingerprint = try values.decode(String.self, forKey: .dataFingerprint)
    memory = try Memory(from: decoder)
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(progress, forKey: .progress)
    try values.encode(sampler, forKey: .sampler)
    try values.encode(generator, forKey: .generator)
    try values.encode(collapseStrikes, forKey: .collapseStrikes)
    try values.encode(dataFingerprint, forKey: .dataFingerprint)
    try memory.encode(to: encoder)
  }
}

/// The files of a run's checkpoint that are the loop's: `optimizer.safetensors` the update rule's memory,
/// `monitor.safetensors` the embeddings that collapse is judged by, `state.json` the rest, and
/// `config.yaml` the run's configuration, so that the folder stands for itself. The learner's own files
/// lie beside them.
enum TrainingCheckpoint {
  private static let (optimizer, monitor) = ("optimizer.safetensors", "monitor.safetensors")
  private static let (state, configuration) = ("state.json", "config.yaml")

  static func write<L: Learner>(
    _ learner: L, descent: WeightDescent, state: TrainingState<L.Memory>,
    configuration: L.Configuration, to folder: String
  ) throws {
    try learner.save(to: folder)
    try SafetensorsWriter.write(descent.state, to: "\(folder)/\(optimizer)")
    if let window = learner.collapse?.window {
      try SafetensorsWriter.write([("embeddings", window)], to: "\(folder)/\(monitor)")
    }
    try JSONFile.write(state, to: "\(folder)/\(Self.state)")
    try Data(ConfigurationReader.yaml(of: configuration).utf8)
      .write(to: URL(fileURLWithPath: "\(folder)/\(Self.configuration)"))
  }

  /// What a checkpoint says beside its tensors.
  static func state<Memory: Codable>(
    of checkpoint: Checkpoint, as type: TrainingState<Memory>.Type
  ) throws -> TrainingState<Memory> {
    try JSONFile.read(type, from: checkpoint.file(state))
  }

  /// Overwrites networks, the update rule's memory and the monitor with a checkpoint's.
  static func restore<L: Learner>(
    _ learner: L, descent: WeightDescent, from checkpoint: Checkpoint,
    state: TrainingState<L.Memory>
  ) throws {
    try learner.restore(from: checkpoint, memory: state.memory)
    try descent.restore(from: SafetensorsFile(path: checkpoint.file(optimizer)))
    let file = checkpoint.file(monitor)
    let window =
      FileManager.default.fileExists(atPath: file)
      ? try SafetensorsFile(path: file).tensor("embeddings") : nil
    learner.collapse?.restore(window: window, strikes: state.collapseStrikes)
  }
}
