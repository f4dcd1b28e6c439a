import EnergyDescent
import Foundation
import Torch
import TrainingRuns

/// Everything beside the tensors that a run needs to go on exactly.
struct TrainingState: Codable {
  var progress: RunProgress
  var sampler: EpochSampler.State
  /// The state of the generator that tensors are drawn with.
  var generator: Data
  var collapseStrikes: Int
  var dataFingerprint: String
}

/// The files of a checkpoint of a training run.
///
/// `model.safetensors`, `config.json` and `preprocessor_config.json` are the encoder that is kept;
/// `predictor.safetensors` all other modules, `optimizer.safetensors` the update rule's memory,
/// `monitor.safetensors` the embeddings that collapse is judged by, `state.json` the rest, and
/// `config.yaml` the run's configuration, so that the folder stands for itself.
enum TrainingCheckpoint {
  static func write(
    to folder: String, method: any TrainingMethod, descent: WeightDescent, monitor: CollapseMonitor,
    state: TrainingState, configuration: ImageTrainingConfiguration
  ) throws {
    try ImageModel.save(
      method.encoder, preprocessing: configuration.preprocessing, to: folder)
    try SafetensorsWriter.write(
      companionState(of: method), to: "\(folder)/predictor.safetensors")
    try SafetensorsWriter.write(descent.state, to: "\(folder)/optimizer.safetensors")
    if let window = monitor.window {
      try SafetensorsWriter.write(
        [("embeddings", window)], to: "\(folder)/monitor.safetensors")
    }
    try JSONFile.write(state, to: "\(folder)/state.json")
    try ConfigurationReader.yaml(of: configuration)
      .write(toFile: "\(folder)/config.yaml", atomically: false, encoding: .utf8)
  }

  /// Overwrites weights, memory and monitor with a checkpoint's.
  static func read(
    _ checkpoint: Checkpoint, into method: any TrainingMethod, descent: WeightDescent,
    monitor: CollapseMonitor
  ) throws -> TrainingState {
    try loadModules(of: method, from: checkpoint)
    try descent.restore(from: SafetensorsFile(path: checkpoint.file("optimizer.safetensors")))
    let state = try JSONFile.read(TrainingState.self, from: checkpoint.file("state.json"))
    let monitorFile = checkpoint.file("monitor.safetensors")
    let window =
      FileManager.default.fileExists(atPath: monitorFile)
      ? try SafetensorsFile(path: monitorFile).tensor("embeddings") : nil
    monitor.restore(window: window, strikes: state.collapseStrikes)
    return state
  }

  /// Overwrites the encoder and all companions.
  static func loadModules(of method: any TrainingMethod, from checkpoint: Checkpoint) throws {
    try method.encoder.loadState(
      from: SafetensorsFile(path: checkpoint.file(ImageModel.weightsName)),
      prefix: method.encoder.namePrefix)
    let companions = try SafetensorsFile(path: checkpoint.file("predictor.safetensors"))
    for companion in method.companions {
      try companion.module.loadState(from: companions, prefix: companion.name + ".")
    }
  }

  private static func companionState(
    of method: any TrainingMethod
  ) -> [(name: String, tensor: Tensor)] {
    method.companions.flatMap { companion in
      companion.module.state.map { ("\(companion.name).\($0.name)", $0.tensor) }
    }
  }
}

extension ImageTrainingConfiguration {
  /// How pictures are made ready for the trained encoder.
  ///
  /// - Precondition: the configuration is resolved.
  public var preprocessing: ImagePreprocessing {
    guard let imageSize, let views else {
      preconditionFailure("preprocessing of a configuration that is not resolved")
    }
    return ImagePreprocessing(
      imageSize: imageSize, normalization: views.normalization, filter: views.filter)
  }

  /// The configuration with the encoder's shape taken from a checkpoint of the run, where it came from an initial
  /// model: that may be gone by now.
  func continuing(from checkpoint: Checkpoint?) -> ImageTrainingConfiguration {
    var continued = self
    if let checkpoint, encoder.initial != nil { continued.encoder.initial = checkpoint.path }
    return continued
  }

  /// The method of a finished checkpoint, with its weights, in inference mode.
  ///
  /// - Throws: `RunError`, `SafetensorsError`, `TorchError.stateMismatch`.
  public static func loadMethod(
    from path: String, device: Device = .cpu
  ) throws -> (method: any TrainingMethod, configuration: ImageTrainingConfiguration) {
    let checkpoint = try Checkpoint.open(at: path)
    let configuration = try ConfigurationReader.read(
      ImageTrainingConfiguration.self, file: checkpoint.file("config.yaml"))
    let method = try configuration.continuing(from: checkpoint)
      .makeMethod(using: RandomGenerator(seed: 0))
    try TrainingCheckpoint.loadModules(of: method, from: checkpoint)
    for module in [method.encoder] + method.companions.map(\.module) {
      module.train(false)
      module.move(to: device)
    }
    return (method, configuration)
  }
}
