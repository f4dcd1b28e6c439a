import Torch

/// Whose names the tensors of a published model have.
public enum ModelLayout: String, Sendable, CaseIterable {
  /// Hugging Face's `IJepaModel`.
  case ijepa
  /// Hugging Face's `VJEPA2Model`: encoder and predictor.
  case vjepa2
  /// timm's `VisionTransformer`, the `vit_…` models; and the names of the original DINOv2.
  case timm
  /// Hugging Face's `Dinov2Model` and `Dinov2WithRegistersModel`.
  case dinov2
  /// Hugging Face's `ViTModel`.
  case vit

  /// What no other layout has.
  static let timmProjection = "patch_embed.proj.weight"

  /// How timm calls the models that have these names.
  static let timmFamilies = ["vit_", "deit_", "deit3_", "flexivit_"]

  static let names = allCases.map(\.rawValue).joined(separator: ", ")

  /// The `model_type`s that can be imported.
  static let importable = allCases.flatMap(\.modelTypes).joined(separator: ", ")

  /// The layout of a folder: what `model_type` says, or what only one layout's tensors are called.
  ///
  /// - Throws: `ModelError.unknownLayout`.
  static func detect(modelType: String?, tensors: SafetensorsShards) throws -> ModelLayout {
    if let modelType, let layout = allCases.first(where: { $0.modelTypes.contains(modelType) }) {
      return layout
    }
    let names = tensors.names
    if tensors[timmProjection] != nil { return .timm }
    throw ModelError.unknownLayout(
      path: tensors.path, expected: Self.names, found: Array(names.prefix(5)))
  }

  /// The `model_type`s whose tensors are so named.
  var modelTypes: [String] {
    switch self {
    case .ijepa: [ModelDescription.transformer]
    case .vjepa2: [ModelDescription.video]
    case .vit: [ModelDescription.classToken]
    case .dinov2: [ModelDescription.dinov2, ModelDescription.registers]
    case .timm: []
    }
  }

  /// What classifiers built on a model put before its names.
  var classifierPrefix: String {
    switch self {
    case .ijepa: "ijepa."
    case .vjepa2: "vjepa2."
    case .vit: "vit."
    case .dinov2: "dinov2."
    case .timm: ""
    }
  }

  /// Heads and poolers that no encoder needs: left out, and said so.
  func isLeftOut(_ name: String) -> Bool {
    let roots: [String]
    switch self {
    case .ijepa, .vit, .dinov2: roots = ["classifier", "pooler", "embeddings.mask_token"]
    case .vjepa2: roots = ["classifier", "pooler"]
    case .timm: roots = ["head", "head_dist", "mask_token"]
    }
    return roots.contains { name == $0 || name.hasPrefix($0 + ".") }
  }

  /// Tensors that the encoder does not use and that Hugging Face's class has: kept, so that the imported folder
  /// opens there without a missing one.
  func isCarried(_ name: String) -> Bool {
    switch self {
    case .vit: name.hasPrefix("pooler.dense.") && ImageModel.unusedNames.contains(name)
    case .dinov2: name == ImageModel.maskTokenName
    case .ijepa, .vjepa2, .timm: false
    }
  }

  /// Where the file of this layout keeps what the model calls `name`.
  ///
  /// - Parameter facts: what the file's tensors show.
  func source(of name: String, facts: TensorFacts) -> TensorSource {
    switch self {
    case .ijepa, .vjepa2, .vit, .dinov2: return .tensor(facts.prefix + name)
    case .timm: return Self.timmSource(of: name, facts: facts)
    }
  }

  private static func timmSource(of name: String, facts: TensorFacts) -> TensorSource {
    let projection = "embeddings.patch_embeddings.projection."
    switch name {
    case "embeddings.cls_token": return .tensor("cls_token")
    case "embeddings.register_tokens": return .tensor(facts.registerName ?? "reg_token")
    case "embeddings.position_embeddings":
      // timm's `no_embed_class` models have positions for patches only.
      return facts.lacksClassPosition
        ? .afterZeros("pos_embed", rows: 1) : .tensor("pos_embed")
    case _ where name.hasPrefix(projection):
      return .tensor("patch_embed.proj." + name.dropFirst(projection.count))
    case _ where name.hasPrefix("layernorm."):
      return .tensor("norm." + name.dropFirst("layernorm.".count))
    default: break
    }
    let parts = name.split(separator: ".", maxSplits: 3).map(String.init)
    guard parts.count == 4, parts[0] == "encoder", parts[1] == "layer" else { return .tensor(name) }
    let (block, rest) = ("blocks.\(parts[2]).", parts[3])
    let joint = "attention.attention."
    if rest.hasPrefix(joint) {
      let words = rest.dropFirst(joint.count).split(separator: ".")
      let part = ["query": 0, "key": 1, "value": 2][words[0]] ?? 0
      return .part(block + "attn.qkv.\(words[1])", index: part, of: 3)
    }
    for (own, theirs) in [
      ("layernorm_before.", "norm1."), ("layernorm_after.", "norm2."),
      ("attention.output.dense.", "attn.proj."), ("intermediate.dense.", "mlp.fc1."),
      ("output.dense.", "mlp.fc2."),
    ] where rest.hasPrefix(own) { return .tensor(block + theirs + rest.dropFirst(own.count)) }
    for branch in ["1", "2"] where rest == "layer_scale\(branch).lambda1" {
      return facts.hasLayerScale ? .tensor("\(block)ls\(branch).gamma") : .constant(1)
    }
    return .tensor(block + rest)
  }
}

/// Where a tensor of the imported model comes from.
enum TensorSource: Equatable {
  case tensor(String)
  /// One of equal parts of the first dimension, such as the query's rows of a joint matrix.
  case part(String, index: Int, of: Int)
  /// Rows of zeros, along the second dimension, before a tensor `[1, N, D]`.
  case afterZeros(String, rows: Int)
  /// Nothing that is in the file: the same number everywhere.
  case constant(Double)

  /// The tensor in the file.
  var name: String? {
    switch self {
    case .tensor(let name), .part(let name, _, _), .afterZeros(let name, _): name
    case .constant: nil
    }
  }

  /// The shape that the tensor in the file must have for a model's tensor of `shape`.
  func shape(for shape: [Int]) -> [Int] {
    switch self {
    case .tensor, .constant: shape
    case .part(_, _, let count): [shape[0] * count] + shape.dropFirst()
    case .afterZeros(_, let rows): [shape[0], shape[1] - rows] + shape.dropFirst(2)
    }
  }
}
