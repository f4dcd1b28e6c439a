import Torch

/// What the shapes of a published model's tensors show, whatever its configuration says.
struct TensorFacts {
  /// What stands before every name: `ijepa.` and the like in the file of a classifier.
  let prefix: String
  /// D
  let width: Int
  let channels: Int
  let patchSize: Int
  /// Frames of a token; nil for pictures.
  let tubeletSize: Int?
  let depth: Int
  /// The hidden width of the MLPs.
  let hidden: Int?
  let hasClassToken: Bool
  let registerCount: Int
  let registerName: String?
  let hasLayerScale: Bool
  let hasQueryKeyValueBias: Bool
  /// Rows of the position table; nil where positions are rotary.
  let positionCount: Int?
  let hasPredictor: Bool

  /// - Throws: `ModelError.unknownLayout` where the first layer, which every layout has, is not there.
  init(_ tensors: SafetensorsShards, layout: ModelLayout) throws {
    let names = tensors.names
    let isTimm = layout == .timm
    let projection =
      switch layout {
      case .ijepa, .vit, .dinov2: "embeddings.patch_embeddings.projection.weight"
      case .vjepa2: "encoder.embeddings.patch_embeddings.proj.weight"
      case .timm: ModelLayout.timmProjection
      }
    let prefix = tensors[projection] == nil ? layout.classifierPrefix : ""
    let rank = layout == .vjepa2 ? 5 : 4
    guard let kernel = tensors[prefix + projection]?.shape, kernel.count == rank,
      kernel[rank - 1] == kernel[rank - 2]
    else {
      throw ModelError.tensors(
        path: tensors.path, layout: layout.rawValue,
        differences: TensorDifferences(
          missing: tensors[prefix + projection] == nil ? [projection] : [],
          misshapen: tensors[prefix + projection].map {
            [
              "\($0.name) (expected square patches, [D, 3, \(rank == 5 ? "t, " : "")p, p], found \($0.shape))"
            ]
          } ?? []))
    }
    func shape(_ name: String) -> [Int]? { tensors[prefix + name]?.shape }
    self.prefix = prefix
    width = kernel[0]
    channels = kernel[1]
    tubeletSize = layout == .vjepa2 ? kernel[2] : nil
    patchSize = kernel[rank - 1]
    let layers = prefix + (isTimm ? "blocks." : "encoder.layer.")
    depth =
      (names.compactMap { name in
        name.hasPrefix(layers)
          ? name.dropFirst(layers.count).prefix { $0 != "." } : nil
      }.compactMap { Int($0) }.max() ?? -1) + 1
    let first = (isTimm ? "blocks." : "encoder.layer.") + "0."
    hidden =
      [first + "mlp.fc1.weight", first + "intermediate.dense.weight"]
      .compactMap { shape($0)?.first }.first
    hasClassToken = shape(isTimm ? "cls_token" : "embeddings.cls_token") != nil
    registerName =
      (isTimm ? ["reg_token", "register_tokens"] : ["embeddings.register_tokens"])
      .first { shape($0) != nil }
    let registers = registerName.flatMap(shape) ?? []
    registerCount = registers.count == 3 ? registers[1] : 0
    hasLayerScale =
      shape(first + "ls1.gamma") != nil || shape(first + "layer_scale1.lambda1") != nil
    hasQueryKeyValueBias = names.contains {
      $0.hasPrefix(layers) && ($0.hasSuffix(".query.bias") || $0.hasSuffix(".qkv.bias"))
    }
    let positions = shape(isTimm ? "pos_embed" : "embeddings.position_embeddings") ?? []
    positionCount = positions.count == 3 ? positions[1] : nil
    hasPredictor = names.contains { $0.hasPrefix(prefix + VJEPA2Model.predictorPrefix) }
  }

  /// Patches of a picture in training.
  var patchCount: Int? {
    positionCount.map { $0 - (hasClassToken && !lacksClassPosition ? 1 : 0) }
  }

  /// Whether the position table is for patches only although there is a class token. A table of a square number
  /// of rows can be nothing else: n^2 and n^2 + 1 are both squares for n = 0 alone.
  var lacksClassPosition: Bool {
    hasClassToken && positionCount.map { Self.root(of: $0) != nil } ?? false
  }

  /// The side of the pictures in training; nil where positions do not say, or are for no square.
  var imageSize: Int? { patchCount.flatMap(Self.root).map { $0 * patchSize } }

  private static func root(of count: Int) -> Int? {
    let root = Int(Double(max(count, 0)).squareRoot().rounded())
    return root > 0 && root * root == count ? root : nil
  }

  /// Checks a configuration against the tensors.
  ///
  /// - Throws: `ModelError.contradiction` that lists every number that differs.
  func check(_ description: ModelDescription, path: String) throws {
    var differences: [String] = []
    func compare(_ field: String, _ said: Int?, _ found: Int?) {
      if let said, let found, said != found {
        differences.append("\(field) \(said), found \(found)")
      }
    }
    let isVideo = description.modelType == ModelDescription.video
    compare("hidden_size", description.hiddenSize, width)
    compare(
      isVideo ? "in_chans" : "num_channels",
      (isVideo ? description.inChans : description.numChannels) ?? 3, channels)
    compare("patch_size", description.patchSize.pixels, patchSize)
    compare("tubelet_size", description.tubeletSize, tubeletSize)
    compare("num_hidden_layers", description.numHiddenLayers, depth)
    if let intermediate = description.intermediateSize {
      compare("intermediate_size", intermediate, hidden)
    } else if let ratio = description.mlpRatio, let hidden, ratio.isFinite,
      (Double(description.hiddenSize) * ratio).rounded(.down) != Double(hidden),
      description.hiddenSize == width
    {
      differences.append("mlp_ratio \(ratio) of \(width), found an MLP of \(hidden)")
    }
    if !isVideo { compare("image_size", description.side, imageSize ?? description.side) }
    if description.modelType == ModelDescription.registers {
      compare("num_register_tokens", description.numRegisterTokens ?? 4, registerCount)
    }
    if let said = description.qkvBias, said != hasQueryKeyValueBias {
      differences.append(
        "qkv_bias \(said), found \(hasQueryKeyValueBias ? "biases" : "no biases")")
    }
    guard differences.isEmpty else {
      throw ModelError.contradiction(path: path, differences: differences)
    }
  }
}
