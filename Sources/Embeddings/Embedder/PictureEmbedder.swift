import Files
import Foundation
import ImageJEPA
import Torch
import TrainingRuns

/// A model and how its tokens become embeddings: what `jepa embed` writes, and what a query is embedded with.
public struct PictureEmbedder {
  public let model: ImageModel
  public let settings: EmbeddingSettings
  /// The shape of one embedding: `[D]`, or `[patches, D]` without pooling.
  public let shape: [Int]
  /// The block whose tokens are pooled, from 1; nil for the encoder's output.
  private let layer: Int?
  /// Pictures that the encoder sees at once; nil for all of a batch.
  private let pieceSize: Int?

  /// - Throws: `InputError.invalidSetting` for a layer that the encoder does not have.
  public init(model: ImageModel, settings: EmbeddingSettings = EmbeddingSettings())
    throws
  {
    try self.init(model: model, settings: settings, tokensAtOnce: Self.tokensAtOnce)
  }

  /// How many tokens a processor is given at once: enough rows for products of matrices. With more of them
  /// caches overflow and memory grows, and nothing gets faster.
  private static let tokensAtOnce = 1024

  init(model: ImageModel, settings: EmbeddingSettings, tokensAtOnce: Int) throws {
    self.model = model
    self.settings = settings
    let count = model.encoder.layerCount
    let place = settings.layer < 0 ? count + 1 + settings.layer : settings.layer
    guard (1...count).contains(place) else {
      throw InputError.invalidSetting(
        name: "layer", expected: "-\(count) to -1 or 1 to \(count)", found: "\(settings.layer)")
    }
    layer = settings.layer == -1 ? nil : place
    let side = model.preprocessing.imageSize
    let nothing = Tensor.zeros([1, 3, side, side], device: model.device)
    let layer = layer
    let tokens = model.encoder.inferring {
      Self.tokens(of: nothing, model, settings.arithmetic, after: layer)
    }
    pieceSize = model.device == .cpu ? max(1, tokensAtOnce / tokens.size(1)) : nil
    shape = settings.pooling == .none ? [tokens.size(1), tokens.size(2)] : [tokens.size(2)]
  }

  private static func tokens(
    of pictures: Tensor, _ model: ImageModel, _ arithmetic: EmbeddingArithmetic, after layer: Int?
  ) -> Tensor {
    let (encoder, pictures) = (model.encoder, pictures.to(device: model.device))
    return withAutocast(to: arithmetic == .bfloat16 ? .bfloat16 : nil, on: model.device) {
      layer.map { encoder.tokens(of: pictures, afterLayer: $0) } ?? encoder.tokens(of: pictures)
    }
  }

  /// Embeds pictures `[B, 3, S, S]`, normalised: float32 or float16 `[B] + shape` on the CPU.
  public func callAsFunction(_ pictures: Tensor) -> Tensor {
    model.encoder.inferring {
      let embeddings = pieces(of: pictures).map(embedded)
      return embeddings.count == 1 ? embeddings[0] : Tensor.concatenate(embeddings)
    }
  }

  /// Parts of a batch, all of the same size but for the last, none above `pieceSize`.
  private func pieces(of pictures: Tensor) -> [Tensor] {
    let count = pictures.size(0)
    guard let pieceSize, count > pieceSize else { return [pictures] }
    let pieceCount = (count + pieceSize - 1) / pieceSize
    let size = (count + pieceCount - 1) / pieceCount
    return stride(from: 0, to: count, by: size).map { start in
      pictures.slice(start..<min(start + size, count))
    }
  }

  private func embedded(_ pictures: Tensor) -> Tensor {
    let tokens = Self.tokens(of: pictures, model, settings.arithmetic, after: layer)
    var embeddings = settings.pooling(tokens)
    if settings.isNormalized {
      let lengths = embeddings.norm(-1, keepingDimensions: true)
      embeddings = embeddings / lengths.clamped(to: 1e-12...(.infinity))
    }
    return embeddings.to(settings.dtype.tensorType, device: .cpu).contiguous()
  }

  /// What files of these embeddings say of themselves; `shape` counts no rows yet.
  ///
  /// - Throws: `FileError.failed`.
  func description() throws -> EmbeddingDescription {
    EmbeddingDescription(
      version: ProgramVersion.current, modelSHA256: try SHA256.hexadecimal(ofFile: model.path),
      checkpoint: URL(fileURLWithPath: model.path).deletingLastPathComponent()
        .standardizedFileURL.path,
      encoder: "\(type(of: model.encoder)) \(model.encoder.width)",
      imageSize: model.preprocessing.imageSize, pooling: settings.pooling, layer: settings.layer,
      isNormalized: settings.isNormalized, dtype: settings.dtype,
      arithmetic: settings.arithmetic, shape: [0] + shape)
  }
}
