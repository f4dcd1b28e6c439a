import Foundation
import Torch
import TrainingRuns

extension TrainingMethod {
  private static var companionsName: String { "predictor.safetensors" }

  /// Writes the encoder as a model that stands for itself (`model.safetensors`, `config.json` and
  /// `preprocessor_config.json`), and all companions to `predictor.safetensors`.
  func saveModules(preprocessing: ImagePreprocessing, to folder: String) throws {
    try ImageModel.save(encoder, preprocessing: preprocessing, to: folder)
    let state = companions.flatMap { companion in
      companion.module.state.map { (name: "\(companion.name).\($0.name)", tensor: $0.tensor) }
    }
    try SafetensorsWriter.write(state, to: "\(folder)/\(Self.companionsName)")
  }

  /// Overwrites the encoder and all companions with a checkpoint's.
  func loadModules(from checkpoint: Checkpoint) throws {
    try encoder.loadState(
      from: SafetensorsFile(path: checkpoint.file(ImageModel.weightsName)),
      prefix: encoder.namePrefix)
    let state = try SafetensorsFile(path: checkpoint.file(Self.companionsName))
    for companion in companions {
      try companion.module.loadState(from: state, prefix: companion.name + ".")
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
    try method.loadModules(from: checkpoint)
    for module in [method.encoder] + method.companions.map(\.module) {
      module.train(false)
      module.move(to: device)
    }
    return (method, configuration)
  }
}
