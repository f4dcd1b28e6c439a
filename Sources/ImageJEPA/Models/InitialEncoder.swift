import Torch

extension ImageModel {
  /// The encoder of a trained or imported model, to train on from.
  ///
  /// - Parameters:
  ///   - path: a run folder, a checkpoint's, or one that `jepa import` made.
  ///   - imageSize: the side of the pictures to come. A transformer's position table is stretched to it once, by
  ///     the filter that its forward pass would use: what is trained and saved is a model of this size.
  /// - Throws: `RunError`, `ModelError`, `SafetensorsError`; `TorchError.stateMismatch`, which lists every tensor
  ///   that is missing, unexpected or of another shape.
  public static func initialEncoder(from path: String, imageSize: Int) throws -> VisionEncoder {
    let folder = try ModelFolder(at: path)
    let encoder = try folder.loadEncoder()
    guard folder.description.side != imageSize else { return encoder }
    var description = ModelDescription(of: encoder, imageSize: imageSize)
    description.resize(to: imageSize)
    let resized = try Initializer.withoutValues {
      try description.makeEncoder(path: folder.file(configurationName))
    }
    let positions = (encoder as? VisionTransformer)?.positions(imageSize: imageSize)
    withoutGradient {
      for (entry, source) in zip(resized.state, encoder.state) {
        let isPositions = entry.name == VisionTransformer.positionsName
        entry.tensor.assign(isPositions ? positions ?? source.tensor : source.tensor)
      }
    }
    return resized
  }

  /// How training on the pictures of a model begins: their preprocessing, and the side of a token.
  ///
  /// - Throws: `RunError`, `ModelError`.
  static func initialPreprocessing(
    from path: String
  ) throws -> (preprocessing: ImagePreprocessing, patchSize: Int) {
    let folder = try ModelFolder(at: path, verifying: false)
    return (try folder.preprocessing(), folder.description.patchSize.pixels)
  }
}
