import Pictures

/// What timm's `config.json` says of a `vit_…` model beyond what its tensors show; original DINOv2 files come
/// without one.
struct TimmDescription: Decodable {
  struct Arguments: Decodable {
    var heads: Int?
    enum CodingKeys: String, CodingKey { case heads = "num_heads" }
  }

  struct Pretrained: Decodable {
    var mean: [Float]?
    var std: [Float]?
    var interpolation: String?
    var inputSize: [Int]?
    enum CodingKeys: String, CodingKey {
      case mean, std, interpolation
      case inputSize = "input_size"
    }
  }

  var heads: Int?
  var arguments: Arguments?
  var pretrained: Pretrained?

  enum CodingKeys: String, CodingKey {
    case heads = "num_heads"
    case arguments = "model_args"
    case pretrained = "pretrained_cfg"
  }

  /// The heads of timm's and DINOv2's widths, as their papers have them.
  private static let usualHeads = [
    192: 3, 256: 4, 320: 5, 384: 6, 512: 8, 640: 10, 768: 12, 1024: 16, 1280: 16, 1408: 16,
    1536: 24, 1664: 16,
  ]

  /// How many heads a model of this width has.
  ///
  /// - Throws: `ModelError.unknownHeads`.
  func headCount(width: Int, given: Int?, path: String) throws -> Int {
    guard let count = given ?? heads ?? arguments?.heads ?? Self.usualHeads[width] else {
      throw ModelError.unknownHeads(path: path, width: width)
    }
    return count
  }

  /// The shape that tensors show, with the heads that they do not.
  ///
  /// - Throws: `ModelError`.
  func shape(_ facts: TensorFacts, heads given: Int?, path: String) throws -> TransformerShape {
    guard let imageSize = facts.imageSize else {
      throw ModelError.impossible(
        path: path,
        reason: "expected positions for a square of patches, found "
          + (facts.positionCount.map { "\($0)" } ?? "none"))
    }
    var shape = TransformerShape(
      width: facts.width, depth: facts.depth,
      heads: try headCount(width: facts.width, given: given, path: path), hidden: facts.hidden,
      patchSize: facts.patchSize, imageSize: imageSize)
    shape.hasClassToken = facts.hasClassToken
    shape.registerCount = facts.registerCount
    // With a class token the model becomes a Dinov2Model, whose LayerScale of 1 changes nothing.
    shape.hasLayerScale = facts.hasLayerScale || facts.hasClassToken
    shape.family = shape.tokenKinds.prefixCount > 0 || shape.hasLayerScale ? .dinov2 : .ijepa
    shape.hasQueryKeyValueBias = facts.hasQueryKeyValueBias
    return shape
  }

  /// How its pictures are made ready.
  func preprocessing(imageSize: Int, patchSize: Int) -> ImagePreprocessing {
    var result = ImagePreprocessing(imageSize: imageSize)
    guard let pretrained else { return result }
    if let mean = pretrained.mean, let deviation = pretrained.std,
      mean.count == 3, deviation.count == 3, (mean + deviation).allSatisfy(\.isFinite),
      deviation.allSatisfy({ $0 > 0 })
    {
      result.normalization = Normalization(
        mean: SIMD3(mean[0], mean[1], mean[2]),
        standardDeviation: SIMD3(deviation[0], deviation[1], deviation[2]))
    }
    if pretrained.interpolation == "bilinear" { result.filter = .bilinear }
    if let side = pretrained.inputSize?.last, (1...16_384).contains(side),
      side % patchSize == 0
    {
      result.imageSize = side
    }
    return result
  }
}
