import Torch

// From a description to a network, with every number checked first: the file is not trusted.

extension ModelDescription {
  /// The encoder with fresh weights, to be overwritten.
  ///
  /// - Throws: `ModelError`.
  package func makeEncoder(
    path: String, using generator: RandomGenerator = RandomGenerator(seed: 0)
  ) throws -> VisionEncoder {
    switch modelType {
    case Self.convolutional:
      return ConvolutionalEncoder(try convolutionalShape(path: path), using: generator)
    case Self.video:
      let (shape, clips) = try videoShape(path: path)
      return VJEPA2Encoder(shape, clips: clips, using: generator)
    default:
      return VisionTransformer(try transformerShape(path: path), using: generator)
    }
  }

  /// V-JEPA 2's predictor with fresh weights; nil where there is none in the description.
  ///
  /// - Throws: `ModelError`.
  package func makePredictor(
    path: String, using generator: RandomGenerator = RandomGenerator(seed: 0)
  ) throws -> VJEPA2Predictor? {
    guard modelType == Self.video, let width = predHiddenSize else { return nil }
    let clips = try videoShape(path: path).clips
    let shape = VJEPA2Shape(
      width: width, depth: try required(predNumHiddenLayers, "pred_num_hidden_layers", path),
      heads: try required(predNumAttentionHeads, "pred_num_attention_heads", path),
      hidden: try hidden(width, times: predMlpRatio, path))
    try check(
      width: shape.width, depth: shape.depth, heads: shape.heads, hidden: shape.hidden, path)
    let count = predNumMaskTokens ?? 10
    try check((1...4096).contains(count), "a predictor with \(count) mask tokens", path)
    return VJEPA2Predictor(
      shape, inputs: hiddenSize, clips: clips, maskTokenCount: count, using: generator)
  }

  private func convolutionalShape(path: String) throws -> ConvolutionalShape {
    try checkPictures(path)
    let shape = ConvolutionalShape(
      width: try required(stemWidth, "stem_width", path),
      blocks: try required(blocks, "blocks", path), stride: patchSize.pixels)
    try check(
      (1...4096).contains(shape.width) && shape.blocks.count == 3
        && shape.blocks.allSatisfy { (1...64).contains($0) }
        && [8, 16, 32, 64].contains(shape.stride),
      "no convolutional encoder has width \(shape.width), blocks \(shape.blocks) and "
        + "tokens of \(shape.stride) pixels", path)
    return shape
  }

  /// - Throws: `ModelError`.
  package func transformerShape(path: String) throws -> TransformerShape {
    guard Self.known.contains(modelType) else {
      throw ModelError.unknownType(path: path, found: modelType)
    }
    try checkPictures(path)
    let isDINOv2 = modelType == Self.dinov2 || modelType == Self.registers
    let hidden =
      isDINOv2
      ? try hidden(hiddenSize, times: mlpRatio, path)
      : try required(intermediateSize, "intermediate_size", path)
    try check(useSwigluFfn != true, "an MLP with gates (use_swiglu_ffn) is not supported", path)
    var shape = TransformerShape(
      width: hiddenSize, depth: try required(numHiddenLayers, "num_hidden_layers", path),
      heads: try required(numAttentionHeads, "num_attention_heads", path), hidden: hidden,
      patchSize: patchSize.pixels, imageSize: side,
      hasConvolutionalStem: modelType == Self.stemmed && convolutionalStem ?? true)
    try check(
      width: shape.width, depth: shape.depth, heads: shape.heads, hidden: shape.hidden, path)
    try check(
      !shape.hasConvolutionalStem
        || (shape.patchSize >= 2 && shape.patchSize & (shape.patchSize - 1) == 0),
      "a convolutional stem makes tokens of a power of two pixels, found \(shape.patchSize)", path)
    switch modelType {
    case Self.classToken:
      shape.family = .vit
      shape.hasClassToken = true
    case Self.dinov2, Self.registers:
      shape.family = .dinov2
      shape.hasClassToken = true
      shape.hasLayerScale = true
      shape.registerCount = modelType == Self.registers ? numRegisterTokens ?? 4 : 0
    case Self.stemmed:
      shape.hasClassToken = classToken ?? false
      shape.registerCount = numRegisterTokens ?? 0
      shape.hasLayerScale = layerScale ?? false
      shape.family =
        shape.tokenKinds.prefixCount > 0 || shape.hasLayerScale ? .dinov2 : .ijepa
    default: break
    }
    try check(
      (0...1024).contains(shape.registerCount), "\(shape.registerCount) register tokens", path)
    shape.hasQueryKeyValueBias = qkvBias ?? true
    shape.epsilon = layerNormEps ?? (isDINOv2 || modelType == Self.stemmed ? 1e-6 : 1e-12)
    try check(epsilon: shape.epsilon, path)
    return shape
  }

  private func videoShape(path: String) throws -> (shape: VJEPA2Shape, clips: VJEPA2Clips) {
    try checkPictures(path)
    let shape = VJEPA2Shape(
      width: hiddenSize, depth: try required(numHiddenLayers, "num_hidden_layers", path),
      heads: try required(numAttentionHeads, "num_attention_heads", path),
      hidden: try hidden(hiddenSize, times: mlpRatio, path))
    try check(
      width: shape.width, depth: shape.depth, heads: shape.heads, hidden: shape.hidden, path)
    var clips = VJEPA2Clips(
      patchSize: patchSize.pixels, imageSize: side,
      frames: try required(framesPerClip, "frames_per_clip", path), tubeletSize: tubeletSize ?? 2)
    try check(
      (1...65_536).contains(clips.frames) && (1...64).contains(clips.tubeletSize),
      "clips of \(clips.frames) frames in tubelets of \(clips.tubeletSize)", path)
    clips.epsilon = layerNormEps ?? 1e-6
    try check(epsilon: clips.epsilon, path)
    clips.hasQueryKeyValueBias = qkvBias ?? true
    return (shape, clips)
  }

  // MARK: Checks

  /// Checks, before memory is taken for the network, that the tensors can be its.
  ///
  /// - Parameter weightCount: the numbers that the file holds.
  /// - Throws: `ModelError.contradiction`.
  package func check(weightCount: Int, path: String) throws {
    func square(_ value: Int) -> Double { Double(value) * Double(value) }
    let least: Double
    if modelType == Self.convolutional {
      let widths = zip([1, 2, 4], blocks ?? []).map {
        9 * square($0 * (stemWidth ?? 0)) * Double($1)
      }
      least = widths.reduce(0, +)
    } else {
      let isDINOv2 = intermediateSize == nil
      let hidden = isDINOv2 ? Double(hiddenSize) * (mlpRatio ?? 4) : Double(intermediateSize ?? 0)
      let tokens = modelType == Self.video ? 0 : square(side / max(patchSize.pixels, 1))
      least =
        Double(numHiddenLayers ?? 0) * (4 * square(hiddenSize) + 2 * Double(hiddenSize) * hidden)
        + tokens * Double(hiddenSize)
    }
    guard least <= Double(weightCount) else {
      throw ModelError.contradiction(
        path: path,
        differences: [
          String(
            format: "a network of at least %.0f weights is described, %d are there", least,
            weightCount)
        ])
    }
  }

  private func checkPictures(_ path: String) throws {
    let patch = patchSize.pixels
    try check(
      patch > 0 && side > 0 && side <= 16_384 && side % patch == 0,
      "pictures of \(side) pixels in tokens of \(patch)", path)
    let channels = (modelType == Self.video ? inChans : numChannels) ?? 3
    try check(channels == 3, "expected 3 channels, found \(channels)", path)
    try check(
      (hiddenAct ?? "gelu") == "gelu", "expected hidden_act gelu, found \(hiddenAct ?? "")", path)
  }

  private func check(width: Int, depth: Int, heads: Int, hidden: Int, _ path: String) throws {
    try check(
      (4...16_384).contains(width) && width % 4 == 0 && (1...512).contains(depth) && heads > 0
        && width % heads == 0 && (1...131_072).contains(hidden),
      "no transformer has width \(width), \(depth) layers, \(heads) heads and "
        + "an MLP of \(hidden)", path)
  }

  private func check(epsilon: Double, _ path: String) throws {
    try check(
      epsilon > 0 && epsilon < 1, "expected layer_norm_eps between 0 and 1, found \(epsilon)", path)
  }

  /// The MLP's width as a multiple of the tokens', rounded down as Hugging Face does.
  private func hidden(_ width: Int, times ratio: Double?, _ path: String) throws -> Int {
    let hidden = Double(width) * (ratio ?? 4)
    try check(hidden >= 1 && hidden <= 131_072, "an MLP of \(hidden)", path)
    return Int(hidden)
  }

  private func required<Value>(_ value: Value?, _ field: String, _ path: String) throws -> Value {
    guard let value else {
      throw ModelError.missingField(path: path, field: field, type: modelType)
    }
    return value
  }

  private func check(_ holds: Bool, _ reason: String, _ path: String) throws {
    if !holds { throw ModelError.impossible(path: path, reason: reason) }
  }
}
