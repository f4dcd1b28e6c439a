import Foundation
import Torch
import TrainingRuns
import VisionJEPA

/// A model and how its tokens become embeddings: what `jepa embed` writes, and what a query is embedded with.
public struct PictureEmbedder {
  public let model: ImageModel
  public let settings: EmbeddingSettings
  /// The shape of one embedding: `[D]`, or `[patches, D]` without pooling.
  public let shape: [Int]
  /// The block whose tokens are pooled, from 1; nil for the encoder's output.
  private let layer: Int?

  /// - Throws: `EvaluationError.invalidSetting` for a layer that the encoder does not have.
  public init(model: ImageModel, settings: EmbeddingSettings = EmbeddingSettings())
    throws(EvaluationError)
  {
    self.model = model
    self.settings = settings
    let count = model.encoder.layerCount
    let place = settings.layer < 0 ? count + 1 + settings.layer : settings.layer
    guard (1...count).contains(place) else {
      throw .invalidSetting(
        name: "layer", expected: "-\(count) to -1 or 1 to \(count)", found: "\(settings.layer)")
    }
    layer = settings.layer == -1 ? nil : place
    let side = model.preprocessing.imageSize
    let nothing = Tensor.zeros([1, 3, side, side], device: model.device)
    let (encoder, layer) = (model.encoder, layer)
    let tokens = encoder.inferring { Self.tokens(of: nothing, encoder, after: layer) }
    shape = settings.pooling == .none ? [tokens.size(1), tokens.size(2)] : [tokens.size(2)]
  }

  private static func tokens(
    of pictures: Tensor, _ encoder: VisionEncoder, after layer: Int?
  ) -> Tensor {
    layer.map { encoder.tokens(of: pictures, afterLayer: $0) } ?? encoder.tokens(of: pictures)
  }

  /// Embeds pictures `[B, 3, S, S]`, normalised: float32 or float16 `[B] + shape` on the CPU.
  public func callAsFunction(_ pictures: Tensor) -> Tensor {
    model.encoder.inferring {
      var embeddings = settings.pooling(
        Self.tokens(of: pictures.to(device: model.device), model.encoder, after: layer))
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
