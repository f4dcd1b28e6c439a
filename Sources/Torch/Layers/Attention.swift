/// How attention is computed: the results agree, the derivatives that exist do not.
public enum AttentionForm: Sendable {
  /// The fastest: one fused operator, or on a CPU and for short sequences matrix products. No double
  /// backward is promised.
  case fused
  /// Matrix products and a softmax: can be differentiated twice, as planning needs.
  case differentiable
}

/// The names of one transformer block's parts in checkpoints.
public struct BlockNames: Sendable {
  public var attentionNorm: String
  public var queryKeyValue: [String]
  public var projection: String
  public var mlpNorm: String
  public var mlpIn: String
  public var mlpOut: String
  /// Where the block has LayerScale: what multiplies each channel of attention's and the MLP's output.
  public var attentionScale = "ls1.gamma"
  public var mlpScale = "ls2.gamma"

  /// `IJepaModel` and `ViTModel` of Hugging Face.
  public static let huggingFaceViT = BlockNames(
    attentionNorm: "layernorm_before",
    queryKeyValue: ["query", "key", "value"].map { "attention.attention.\($0)" },
    projection: "attention.output.dense", mlpNorm: "layernorm_after",
    mlpIn: "intermediate.dense", mlpOut: "output.dense")

  /// `Dinov2Model` of Hugging Face.
  public static let huggingFaceDINOv2 = BlockNames(
    attentionNorm: "norm1",
    queryKeyValue: ["query", "key", "value"].map { "attention.attention.\($0)" },
    projection: "attention.output.dense", mlpNorm: "norm2", mlpIn: "mlp.fc1", mlpOut: "mlp.fc2",
    attentionScale: "layer_scale1.lambda1", mlpScale: "layer_scale2.lambda1")

  /// `VJEPA2Model` of Hugging Face.
  public static let huggingFaceVJEPA2 = BlockNames(
    attentionNorm: "norm1", queryKeyValue: ["query", "key", "value"].map { "attention.\($0)" },
    projection: "attention.proj", mlpNorm: "norm2", mlpIn: "mlp.fc1", mlpOut: "mlp.fc2")

  /// The original I-JEPA and timm: query, key and value in one matrix.
  public static let original = BlockNames(
    attentionNorm: "norm1", queryKeyValue: ["attn.qkv"], projection: "attn.proj",
    mlpNorm: "norm2", mlpIn: "mlp.fc1", mlpOut: "mlp.fc2")
}

/// One pre-norm transformer block: attention and an MLP, each beside a shortcut.
///
/// Dosovitskiy et al. 2020, arXiv:2010.11929, equations 2 and 3.
public final class TransformerBlock: Module {
  private let attentionNorm: LayerNorm
  private let attention: Attention
  private let mlpNorm: LayerNorm
  private let mlp: MLP
  private let scales: (attention: Tensor, mlp: Tensor)?

  /// - Parameters:
  ///   - width: D, channels of a token.
  ///   - heads: how many; a divisor of `width`.
  ///   - hidden: channels of the MLP's hidden layer.
  ///   - depth: which block of the stack this is, from 1: the two matrices that write to the
  ///     residual stream start smaller by 1 / sqrt(2 depth), as in I-JEPA's text.
  ///   - form: how attention is computed.
  ///   - names: how the checkpoint names the parts.
  ///   - epsilon: of the norms: what is added to the variance before its root is taken.
  ///   - hasQueryKeyValueBias: whether query, key and value have biases.
  ///   - hasLayerScale: whether each branch's channels are multiplied by a learned vector that
  ///     starts at 1: Touvron et al. 2021, arXiv:2103.17239, section 2.
  ///   - generator: where the first weights are drawn from.
  public init(
    width: Int, heads: Int, hidden: Int, depth: Int, form: AttentionForm = .fused,
    names: BlockNames = .original, epsilon: Double = 1e-6, hasQueryKeyValueBias: Bool = true,
    hasLayerScale: Bool = false, using generator: RandomGenerator
  ) {
    let outputScale = 0.02 / (2 * Double(depth)).squareRoot()
    attentionNorm = LayerNorm(width, epsilon: epsilon)
    attention = Attention(
      width: width, heads: heads, form: form, queryKeyValueNames: names.queryKeyValue,
      projectionName: names.projection, hasQueryKeyValueBias: hasQueryKeyValueBias,
      outputDeviation: outputScale, using: generator)
    mlpNorm = LayerNorm(width, epsilon: epsilon)
    mlp = MLP(
      width, hidden: hidden, names: (names.mlpIn, names.mlpOut), outputDeviation: outputScale,
      using: generator)
    scales = hasLayerScale ? (Tensor.ones([width]), Tensor.ones([width])) : nil
    super.init()
    register(attentionNorm, as: names.attentionNorm)
    register(mlpNorm, as: names.mlpNorm)
    // These two carry whole paths in their own names.
    adopt(attention)
    adopt(mlp)
    if let scales {
      register(parameter: scales.attention, as: names.attentionScale)
      register(parameter: scales.mlp, as: names.mlpScale)
    }
  }

  /// Tokens `[B, N, D]`, unchanged in shape.
  public func callAsFunction(
    _ x: Tensor, mask: Tensor? = nil, rotation: RotaryPositions? = nil
  ) -> Tensor {
    var branch = attention(attentionNorm(x), mask: mask, rotation: rotation)
    let attended = x + (scales.map { branch * $0.attention } ?? branch)
    branch = mlp(mlpNorm(attended))
    return attended + (scales.map { branch * $0.mlp } ?? branch)
  }
}

/// Multi-head self-attention: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
public final class Attention: Module {
  public let heads: Int
  public let form: AttentionForm
  private let queryKeyValue: Linear
  private let projection: Linear

  /// - Precondition: `heads` divides `width`.
  public init(
    width: Int, heads: Int, form: AttentionForm = .fused,
    queryKeyValueNames: [String] = ["qkv"], projectionName: String = "proj",
    hasQueryKeyValueBias: Bool = true, outputDeviation: Double = 0.02,
    using generator: RandomGenerator
  ) {
    precondition(width % heads == 0, "attention of width \(width) in \(heads) heads")
    precondition([1, 3].contains(queryKeyValueNames.count), "names for query, key and value")
    self.heads = heads
    self.form = form
    let parts = queryKeyValueNames.count == 3 ? queryKeyValueNames : []
    queryKeyValue = Linear(
      width, 3 * width, bias: hasQueryKeyValueBias, standardDeviation: 0.02, parts: parts,
      using: generator)
    projection = Linear(
      width, width, standardDeviation: outputDeviation, using: generator)
    super.init()
    if parts.isEmpty {
      register(queryKeyValue, as: queryKeyValueNames[0])
    } else {
      adopt(queryKeyValue)
    }
    register(projection, as: projectionName)
  }

  /// Tokens `[B, N, D]`, unchanged in shape.
  ///
  /// - Parameters:
  ///   - x: the tokens.
  ///   - mask: bool `[N, N]` or broadcastable to `[B, heads, N, N]`; true where a query may look.
  ///   - rotation: the tokens' places, where positions are rotary.
  public func callAsFunction(
    _ x: Tensor, mask: Tensor? = nil, rotation: RotaryPositions? = nil
  ) -> Tensor {
    let (batch, tokens, width) = (x.size(0), x.size(1), x.size(2))
    let parts = queryKeyValue(x).reshaped(batch, tokens, 3, heads, width / heads)
      .permuted(2, 0, 3, 1, 4)
    let (query, key) = rotation.map { ($0(parts[0]), $0(parts[1])) } ?? (parts[0], parts[1])
    let value = parts[2]
    let mixed: Tensor
    // On a CPU the fused operator pays only once its blocks are filled: at 42 tokens it takes 1.4 times as
    // long as the products (two cores, forward and backward). In bfloat16 it multiplies in float32 all the same,
    // and forward alone takes 1.6 times as long as the products from 196 to 576 tokens.
    let fewTokens = value.dtype == .bfloat16 && !value.requiresGradient ? 640 : 128
    if form == .fused && (x.device.isAccelerator || tokens > fewTokens) {
      mixed = query.attending(to: key, value, mask: mask)
    } else {
      var scores = query.matmul(key.transposed()) * (1 / Double(width / heads).squareRoot())
      if let mask { scores = scores.filled(with: -.infinity, where: .!mask) }
      mixed = scores.softmax(-1).matmul(value)
    }
    return projection(mixed.transposed(1, 2).reshaped(batch, tokens, width))
  }
}

/// Two linear layers with a GELU between.
public final class MLP: Module {
  private let first: Linear
  private let second: Linear

  public init(
    _ width: Int, hidden: Int, outputs: Int? = nil, names: (String, String) = ("fc1", "fc2"),
    outputDeviation: Double = 0.02, using generator: RandomGenerator
  ) {
    first = Linear(width, hidden, standardDeviation: 0.02, using: generator)
    second = Linear(
      hidden, outputs ?? width, standardDeviation: outputDeviation, using: generator)
    super.init()
    register(first, as: names.0)
    register(second, as: names.1)
  }

  /// `[…, width]` to `[…, outputs]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { second(first(x).gelu()) }
}
