import Torch

/// The model of Tests/Fixtures/vit_training, put together from this package's layers: an encoder in the
/// Hugging Face I-JEPA layout, the mean of its tokens, a linear classifier.
public final class ReferenceVisionTransformer: Module {
  private let patches: PatchEmbedding
  private let positions: Tensor
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm
  private let classifier: Linear

  public init(form: AttentionForm = .fused) {
    let (width, grid, generator) = (32, 4, RandomGenerator(seed: 0))
    patches = PatchEmbedding(width: width, patchSize: 4, using: generator)
    positions = PositionTable.grid(rows: grid, columns: grid, width: width).unsqueezed(0)
    blocks = (1...2).map {
      TransformerBlock(
        width: width, heads: 4, hidden: 64, depth: $0, form: form, names: .huggingFaceViT,
        using: generator)
    }
    norm = LayerNorm(width)
    classifier = Linear(width, 5, using: generator)
    super.init()
    register(patches, as: "embeddings.patch_embeddings.projection")
    register(buffer: positions, as: "embeddings.position_embeddings")
    for (index, block) in blocks.enumerated() { register(block, as: "encoder.layer.\(index)") }
    register(norm, as: "layernorm")
    register(classifier, as: "classifier")
  }

  /// Pictures `[B, 3, 16, 16]` to tokens `[B, 16, 32]`.
  public func encode(_ pictures: Tensor) -> Tensor {
    norm(blocks.reduce(patches(pictures) + positions) { tokens, block in block(tokens) })
  }

  /// Pictures `[B, 3, 16, 16]` to logits `[B, 5]`.
  public func callAsFunction(_ pictures: Tensor) -> Tensor {
    classifier(encode(pictures).mean(1))
  }
}
