import Files
import Torch
import TrainingRuns

/// The files of a trained or imported model, before anything is made of them.
struct ModelFolder {
  let description: ModelDescription
  private let checkpoint: Checkpoint

  /// Finds the model in a run folder (its latest checkpoint) or in a folder of its own.
  ///
  /// - Throws: `RunError` where a file is missing or damaged, `ModelError.unknownType`.
  init(at path: String, verifying: Bool = true) throws {
    checkpoint = try Checkpoint.open(at: path, verifying: verifying)
    description = try ModelDescription.read(
      from: checkpoint.file(ImageModel.configurationName))
  }

  func file(_ name: String) -> String { checkpoint.file(name) }

  /// How pictures are made ready for it.
  ///
  /// - Throws: `RunError`, `ModelError.impossible`.
  func preprocessing() throws -> ImagePreprocessing {
    let path = file(ImageModel.preprocessorName)
    return try JSONFile.read(PreprocessorDescription.self, from: path).preprocessing(
      standard: ImagePreprocessing(imageSize: description.side),
      patchSize: description.patchSize.pixels, path: path)
  }

  /// The encoder with its weights.
  ///
  /// - Parameter precision: what weights of products are kept in; nil for float32.
  /// - Throws: `ModelError`, `SafetensorsError`, `TorchError.stateMismatch`, which lists every tensor that is
  ///   missing, unexpected or of another shape.
  func loadEncoder(precision: DType? = nil) throws -> VisionEncoder {
    let weights = try openWeights()
    let encoder = try Initializer.withoutValues {
      try description.makeEncoder(path: file(ImageModel.configurationName))
    }
    if let precision { encoder.convertProductWeights(to: precision) }
    try encoder.loadState(
      from: weights, prefix: encoder.namePrefix, ignoring: ImageModel.unusedNames)
    return encoder
  }

  /// V-JEPA 2's predictor with its weights; nil where the model has none.
  ///
  /// - Throws: as `loadEncoder()`.
  func loadPredictor() throws -> VJEPA2Predictor? {
    let weights = try openWeights()
    let predictor = try Initializer.withoutValues {
      try description.makePredictor(path: file(ImageModel.configurationName))
    }
    try predictor?.loadState(from: weights, prefix: VJEPA2Model.predictorPrefix)
    return predictor
  }

  private func openWeights() throws -> SafetensorsFile {
    let weights = try SafetensorsFile(path: file(ImageModel.weightsName))
    try description.check(
      weightCount: weights.weightCount, path: file(ImageModel.configurationName))
    return weights
  }
}

extension SafetensorsFile {
  /// The numbers of all tensors together.
  var weightCount: Int {
    entries.reduce(0) { $0 + $1.byteRange.count / $1.dtype.byteCount }
  }
}
