import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import ImageJEPA

/// `PictureEmbedder`: what saves time and memory changes nothing but last bits.
@Suite struct PictureEmbedderTests {
  /// A processor is given a batch in pieces: the rows are those of the whole, in the same order.
  @Test(arguments: [1, 3, 4], [Pooling.mean, .none])
  func piecesOfABatchChangeTheLastBitsAtMost(pieceSize: Int, pooling: Pooling) throws {
    let model = try TinyModel()
    let pictures = Tensor.normal([10, 3, 16, 16], using: RandomGenerator(seed: 6))
    var settings = EmbeddingSettings()
    settings.pooling = pooling
    let whole = try PictureEmbedder(model: model.model, settings: settings)(pictures)
    // A picture has 16 tokens.
    let pieces = try PictureEmbedder(
      model: model.model, settings: settings, tokensAtOnce: pieceSize * 16)(pictures)
    #expect(pieces.shape == whole.shape)
    #expect((pieces - whole).abs().max().item() <= 2e-6 * whole.abs().max().item())
  }

  /// What `jepa embed` does to save memory: weights that were read as bfloat16 give the same bits.
  @Test(arguments: ["ijepa", "dinov2-registers", "vjepa2"])
  func weightsMayBeKeptInBfloat16(name: String) throws {
    let (folder, fixture) = (TemporaryPath(name), Fixtures.path("models/\(name)"))
    _ = try ModelImport(folder: fixture).run(to: folder.path)
    var settings = EmbeddingSettings()
    settings.arithmetic = .bfloat16
    func embeddings(keptIn precision: DType?) throws -> Tensor {
      let model = try ImageModel.load(from: folder.path, precision: precision)
      let side = model.preprocessing.imageSize
      let pictures = Tensor.normal([3, 3, side, side], using: RandomGenerator(seed: 7))
      return try PictureEmbedder(model: model, settings: settings)(pictures)
    }
    let (expected, found) = (try embeddings(keptIn: nil), try embeddings(keptIn: .bfloat16))
    #expect((found .== expected).all().integer() == 1)
  }
}
