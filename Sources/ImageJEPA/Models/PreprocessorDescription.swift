import Pictures

/// `preprocessor_config.json`, as Hugging Face's `ViTImageProcessor` reads it.
struct PreprocessorDescription: Codable {
  /// A square; published files also name the side that a crop is cut from.
  struct Size: Codable {
    var height: Int?
    var width: Int?
    var shortestEdge: Int?

    enum CodingKeys: String, CodingKey {
      case height, width
      case shortestEdge = "shortest_edge"
    }

    init(square side: Int) {
      height = side
      width = side
    }

    init(from decoder: any Decoder) throws {
      if let side = try? decoder.singleValueContainer().decode(Int.self) {
        (height, width) = (side, side)
        return
      }
      let values = try decoder.container(keyedBy: CodingKeys.self)
      height = try values.decodeIfPresent(Int.self, forKey: .height)
      width = try values.decodeIfPresent(Int.self, forKey: .width)
      shortestEdge = try values.decodeIfPresent(Int.self, forKey: .shortestEdge)
    }

    /// The side of the square that is wanted; nil where it is none.
    var side: Int? { height == width ? height ?? shortestEdge : nil }
  }

  var imageProcessorType: String? = "ViTImageProcessor"
  var doResize: Bool? = true
  var size: Size?
  var doCenterCrop: Bool?
  var cropSize: Size?
  /// Pillow's number of the filter: 2 bilinear, 3 bicubic.
  var resample: Int?
  var doRescale: Bool? = true
  var rescaleFactor: Double? = 1.0 / 255
  var doNormalize: Bool? = true
  var imageMean: [Float]?
  var imageStd: [Float]?

  enum CodingKeys: String, CodingKey {
    case size, resample
    case imageProcessorType = "image_processor_type"
    case doResize = "do_resize"
    case doCenterCrop = "do_center_crop"
    case cropSize = "crop_size"
    case doRescale = "do_rescale"
    case rescaleFactor = "rescale_factor"
    case doNormalize = "do_normalize"
    case imageMean = "image_mean"
    case imageStd = "image_std"
  }

  init(_ preprocessing: ImagePreprocessing) {
    size = Size(square: preprocessing.imageSize)
    resample = preprocessing.filter == .bicubic ? 3 : 2
    let normalization = preprocessing.normalization
    imageMean = (0..<3).map { normalization.mean[$0] }
    imageStd = (0..<3).map { normalization.standardDeviation[$0] }
  }

  /// What is said here; what is not comes from `standard`.
  ///
  /// - Throws: `ModelError.impossible` for a picture that is no whole number of tokens, for a deviation that
  ///   is not above 0, and for pixels that are not scaled to 0…1.
  func preprocessing(
    standard: ImagePreprocessing, patchSize: Int, path: String
  ) throws -> ImagePreprocessing {
    func triple(_ values: [Float]?, else fallback: SIMD3<Float>) -> SIMD3<Float> {
      guard let values, values.count == 3 else { return fallback }
      return SIMD3(values[0], values[1], values[2])
    }
    let side = (doCenterCrop != false ? cropSize?.side : nil) ?? size?.side ?? standard.imageSize
    guard (patchSize...16_384).contains(side), side % patchSize == 0 else {
      throw ModelError.impossible(
        path: path, reason: "pictures of \(side) pixels in tokens of \(patchSize)")
    }
    let factor = doRescale == false ? 1 : rescaleFactor ?? 1.0 / 255
    guard abs(factor * 255 - 1) < 1e-3 else {
      throw ModelError.impossible(
        path: path, reason: "pixels scaled by \(factor), expected 1/255, to 0…1")
    }
    let normalization = Normalization(
      mean: doNormalize == false
        ? .zero : triple(imageMean, else: standard.normalization.mean),
      standardDeviation: doNormalize == false
        ? .one : triple(imageStd, else: standard.normalization.standardDeviation))
    for channel in 0..<3 {
      let (mean, deviation) = (
        normalization.mean[channel], normalization.standardDeviation[channel]
      )
      guard mean.isFinite, deviation.isFinite, deviation > 0 else {
        throw ModelError.impossible(
          path: path,
          reason: "pictures normalised by a mean of \(mean) and a deviation of \(deviation)")
      }
    }
    return ImagePreprocessing(
      imageSize: side, normalization: normalization,
      filter: resample.map { $0 == 2 ? .bilinear : .bicubic } ?? standard.filter)
  }
}
