import Torch

/// V-JEPA 2's predictor, in the layout of Hugging Face's `VJEPA2Model`: from tokens at some places of a clip
/// to the tokens at others.
///
/// Give it the tokens of an encoder that saw nothing but the context (`VJEPA2Encoder.tokens(ofClips:keeping:)`):
/// `VJEPA2Model` encodes the whole clip and gathers afterwards, so that its context has seen the targets.
public final class VJEPA2Predictor: Module {
  public let shape: VJEPA2Shape
  /// How many learned mask tokens there are to choose from.
  public let maskTokenCount: Int
  private let clips: VJEPA2Clips
  private let embed: Linear
  /// `[M, 1, 1, P]`
  private let maskTokens: Tensor
  private let blocks: [TransformerBlock]
  private let norm: LayerNorm
  private let project: Linear
  private var places = PlaceTable()

  /// - Parameters:
  ///   - shape: the predictor's sizes.
  ///   - inputs: the encoder's width.
  ///   - clips: the size of the clips.
  ///   - maskTokenCount: how many mask tokens there are to choose from.
  ///   - generator: where the first weights are drawn from.
  public init(
    _ shape: VJEPA2Shape, inputs: Int, clips: VJEPA2Clips, maskTokenCount: Int = 10,
    using generator: RandomGenerator
  ) {
    self.shape = shape
    self.clips = clips
    self.maskTokenCount = maskTokenCount
    embed = Linear(inputs, shape.width, standardDeviation: 0.02, using: generator)
    maskTokens = Tensor.zeros([maskTokenCount, 1, 1, shape.width])
    blocks = shape.makeBlocks(
      epsilon: clips.epsilon, hasQueryKeyValueBias: clips.hasQueryKeyValueBias, using: generator)
    norm = LayerNorm(shape.width, epsilon: clips.epsilon)
    project = Linear(shape.width, inputs, standardDeviation: 0.02, using: generator)
    super.init()
    register(parameter: maskTokens, as: "embeddings.mask_tokens")
    register(embed, as: "embeddings.predictor_embeddings")
    for (position, block) in blocks.enumerated() { register(block, as: "layer.\(position)") }
    register(norm, as: "layernorm")
    register(project, as: "proj")
  }

  /// Predicts tokens that the context does not hold.
  ///
  /// - Parameters:
  ///   - targets: int64 `[B, m]`, the places to predict, numbered frame by frame and row by row in a clip of
  ///     the training's sides; times beyond its length are allowed.
  ///   - context: tokens `[B, n, D]`.
  ///   - places: int64 `[B, n]`, where the context tokens are.
  ///   - times: tokens in time that places are counted in; by default the training's.
  ///   - maskToken: which of the mask tokens stands at the targets, modulo their number; `VJEPA2Model` takes 1.
  /// - Returns: `[B, m, D]`.
  public func predict(
    _ targets: Tensor, from context: Tensor, at places: Tensor, times: Int? = nil,
    maskToken: Int = 1
  ) -> Tensor {
    let (batch, known) = (context.size(0), context.size(1))
    let asked = maskTokens[maskToken % maskTokenCount].expanded(batch, targets.size(1), -1)
    let rotation = self.places.rotation(
      frames: times ?? clips.depth, rows: clips.side, columns: clips.side,
      headWidth: shape.headWidth, device: context.device
    ).gathered(Tensor.concatenate([places, targets], along: 1))
    let tokens = blocks.transform(
      Tensor.concatenate([embed(context), asked], along: 1), rotation: rotation)
    return project(norm(tokens.slice(known..<tokens.size(1), along: 1)))
  }
}
