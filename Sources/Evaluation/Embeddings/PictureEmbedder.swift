import Foundation
import Torch
import TrainingRuns
import VisionJEPA

/// A model and how its tokens become embeddings: what `jepa embed` writes, and what a query is embedded with.
public struct PictureEmbedder {
  public let model: ImageModel
  public let settings: EmbeddingSettings

  /// - Throws: `EvaluationError.invalidSetting` for a layer that the encoder does not have.
  public init(model: ImageModel, settings: EmbeddingSettings = EmbeddingSettings())
    throws(EvaluationError)
  {
    self.model = model
    self.settings = settings
    guard settings.layer == -1 else {
      throw .invalidSetting(name: "layer", expected: "-1", found: "\(settings.layer)")
    }
  }

  /// The shape of one embedding: `[D]`, or `[patches, D]` without pooling.
  public var shape: [Int] {
    let width = model.encoder.width
    guard settings.pooling == .none else { return [width] }
    return [model.encoder.grid(imageSize: model.preprocessing.imageSize).count, width]
  }

  /// Embeds pictures `[B, 3, S, S]`, normalised: float32 or float16 `[B] + shape` on the CPU.
  public func callAsFunction(_ pictures: Tensor) -> Tensor {
    model.encoder.inferring {
      var embeddings = settings.pooling(
        model.encoder.tokens(of: pictures.to(device: model.device)))
      if settings.isNormalized {
        let lengths = embeddings.norm(-1, keepingDimensions: true)
        embeddings = embeddings / lengths.clamped(to: 1e-12...(.infinity))
      }
      return embeddings.to(settings.precision.dtype, device: .cpu).contiguous()
    }
  }

  /// What files of these embeddings say of themselves; `shape` counts no rows yet.
  ///
  /// - Throws: `EvaluationError.system`.
  func description() throws(EvaluationError) -> EmbeddingDescription {
    EmbeddingDescription(
      version: ProgramVersion.current, modelSHA256: try SHA256.hexadecimal(ofFile: model.path),
      checkpoint: (model.path as NSString).deletingLastPathComponent,
      encoder: "\(type(of: model.encoder)) \(model.encoder.width)",
      imageSize: model.preprocessing.imageSize, pooling: settings.pooling, layer: settings.layer,
      isNormalized: settings.isNormalized, precision: settings.precision, shape: [0] + shape)
  }
}
