import Torch

/// V-JEPA 2's encoder and predictor, as `jepa import` keeps them.
public struct VJEPA2Model {
  static let predictorPrefix = "predictor."

  public let encoder: VJEPA2Encoder
  /// Nil where the model was imported without it.
  public let predictor: VJEPA2Predictor?

  /// Opens a folder that `jepa import` made of a `VJEPA2Model`.
  ///
  /// - Throws: `RunError`, `SafetensorsError`, `TorchError.stateMismatch`; `ModelError.impossible` for a model
  ///   of another kind.
  public static func load(from path: String, device: Device = .cpu) throws -> VJEPA2Model {
    let folder = try ModelFolder(at: path)
    guard let encoder = try folder.loadEncoder() as? VJEPA2Encoder else {
      throw ModelError.impossible(
        path: folder.file(ImageModel.configurationName),
        reason: "expected model_type \(ModelDescription.video), found "
          + folder.description.modelType)
    }
    let predictor = try folder.loadPredictor()
    for module in [encoder, predictor].compactMap({ $0 }) as [Module] {
      module.train(false)
      module.move(to: device)
    }
    return VJEPA2Model(encoder: encoder, predictor: predictor)
  }
}
