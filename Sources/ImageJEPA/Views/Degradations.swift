import Files
import Foundation
import Pictures

/// Blurs with a Gaussian whose standard deviation is uniform in `sigma`, in pixels of the view.
///
/// The kernel is cut at three standard deviations; the picture is mirrored at its edges, the edge
/// pixel not repeated, as torchvision's `GaussianBlur` does.
///
/// Reference: Chen et al. 2020, arXiv:2002.05709 (SimCLR), appendix A.
public struct GaussianBlur: Codable, Sendable, Equatable {
  public var probability: Float
  public var sigma: ClosedRange<Float>

  public init(probability: Float = 0.5, sigma: ClosedRange<Float> = 0.1...2) {
    self.probability = probability
    self.sigma = sigma
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    probability = try values.decode(.probability, default: 0.5)
    sigma = try values.decode(.sigma, default: 0.1...2)
  }

  /// A standard deviation in pixels; nil where the probability leaves the picture alone.
  public func draw(using generator: inout SeededGenerator) -> Float? {
    guard generator.uniform() < probability else { return nil }
    return generator.uniform(in: sigma)
  }

  /// Blurs `pixels` in place.
  public static func apply(sigma: Float, to pixels: PixelPlanes) {
    let radius = Int((3 * sigma).rounded(.up))
    guard radius > 0 else { return }
    var kernel = (-radius...radius).map { exp(-Float($0 * $0) / (2 * sigma * sigma)) }
    let sum = kernel.reduce(0, +)
    for i in kernel.indices { kernel[i] /= sum }
    let (width, height) = (pixels.width, pixels.height)
    withUnsafeTemporaryAllocation(
      of: Float.self, capacity: max(width, height) + 2 * radius + pixels.planeCount
    ) { scratch in
      let line = scratch.baseAddress!
      let blurred = line + max(width, height) + 2 * radius
      for channel in 0..<3 {
        let plane = pixels.plane(channel)
        for y in 0..<height {
          for x in -radius..<width + radius {
            line[x + radius] = plane[y * width + mirrored(x, width)]
          }
          let row = blurred + y * width
          row.update(repeating: 0, count: width)
          for (tap, weight) in kernel.enumerated() {
            for x in 0..<width { row[x] += weight * line[x + tap] }
          }
        }
        plane.update(repeating: 0, count: width * height)
        for y in 0..<height {
          let row = plane + y * width
          for (tap, weight) in kernel.enumerated() {
            let source = blurred + mirrored(y + tap - radius, height) * width
            for x in 0..<width { row[x] += weight * source[x] }
          }
        }
      }
    }
  }

  /// `position` folded into `0 ..< count` by mirrors at the first and the last pixel.
  private static func mirrored(_ position: Int, _ count: Int) -> Int {
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    let folded = ((position % period) + period) % period
    return folded < count ? folded : period - folded
  }

  func validate(_ name: String) throws(ImageError) {
    try Setting.probability(probability, name)
    guard sigma.lowerBound > 0, sigma.upperBound <= 64 else {
      throw .invalidSetting(
        name: "\(name).sigma", expected: "a range of pixels above 0, at most 64",
        found: "\(sigma)")
    }
  }
}

/// Adds independent Gaussian noise to every value, and cuts to 0...1.
public struct Noise: Codable, Sendable, Equatable {
  public var probability: Float
  /// The standard deviation, of a picture in 0...1.
  public var strength: ClosedRange<Float>

  public init(probability: Float = 0.5, strength: ClosedRange<Float> = 0.02...0.1) {
    self.probability = probability
    self.strength = strength
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    probability = try values.decode(.probability, default: 0.5)
    strength = try values.decode(.strength, default: 0.02...0.1)
  }

  /// A standard deviation; nil where the probability leaves the picture alone.
  public func draw(using generator: inout SeededGenerator) -> Float? {
    guard generator.uniform() < probability else { return nil }
    return generator.uniform(in: strength)
  }

  /// Changes `pixels`, in 0...1, in place (Box and Muller 1958).
  public static func apply(
    strength: Float, to pixels: PixelPlanes, using generator: inout SeededGenerator
  ) {
    let count = pixels.planeCount * 3
    for i in stride(from: 0, to: count, by: 2) {
      let radius = strength * (-2 * log(1 - generator.uniform())).squareRoot()
      let angle = 2 * Float.pi * generator.uniform()
      pixels.base[i] = min(max(pixels.base[i] + radius * cos(angle), 0), 1)
      if i + 1 < count {
        pixels.base[i + 1] = min(max(pixels.base[i + 1] + radius * sin(angle), 0), 1)
      }
    }
  }

  func validate(_ name: String) throws(ImageError) {
    try Setting.probability(probability, name)
    try Setting.range(strength, in: 0...10, "\(name).strength")
  }
}

/// Sets one random rectangle of the normalised picture to zero, its mean colour.
///
/// As torchvision's `RandomErasing` with `value=0`: an area uniform in `scale` of the picture's, an
/// aspect ratio (height over width) log-uniform in `aspectRatio`, ten tries.
///
/// Reference: Zhong et al. 2017, arXiv:1708.04896.
public struct Erase: Codable, Sendable, Equatable {
  public var probability: Float
  public var scale: ClosedRange<Float>
  public var aspectRatio: ClosedRange<Float>

  public init(
    probability: Float = 0.5, scale: ClosedRange<Float> = 0.02...0.33,
    aspectRatio: ClosedRange<Float> = 0.3...3.3
  ) {
    self.probability = probability
    self.scale = scale
    self.aspectRatio = aspectRatio
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let standard = Erase()
    probability = try values.decode(.probability, default: standard.probability)
    scale = try values.decode(.scale, default: standard.scale)
    aspectRatio = try values.decode(.aspectRatio, default: standard.aspectRatio)
  }

  /// A rectangle in whole pixels.
  public struct Rectangle: Sendable, Equatable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int
  }

  /// A rectangle of a view of `width` x `height`; nil where nothing is to be erased.
  public func draw(
    width: Int, height: Int, using generator: inout SeededGenerator
  ) -> Rectangle? {
    guard generator.uniform() < probability else { return nil }
    for _ in 0..<10 {
      let area = Float(width * height) * generator.uniform(in: scale)
      let ratio = exp(
        generator.uniform(in: log(aspectRatio.lowerBound)...log(aspectRatio.upperBound)))
      let erasedHeight = Int((area * ratio).squareRoot().rounded())
      let erasedWidth = Int((area / ratio).squareRoot().rounded())
      guard erasedHeight > 0, erasedWidth > 0, erasedHeight < height, erasedWidth < width
      else { continue }
      return Rectangle(
        x: generator.index(below: width - erasedWidth + 1),
        y: generator.index(below: height - erasedHeight + 1), width: erasedWidth,
        height: erasedHeight)
    }
    return nil
  }

  /// Clears `rectangle` of `pixels`, which are normalised, in place.
  public static func apply(_ rectangle: Rectangle, to pixels: PixelPlanes) {
    pixels.clear(
      x: rectangle.x, y: rectangle.y, width: rectangle.width, height: rectangle.height)
  }

  func validate(_ name: String) throws(ImageError) {
    try Setting.probability(probability, name)
    try Setting.range(scale, in: 0...1, "\(name).scale")
    guard aspectRatio.lowerBound > 0 else {
      throw .invalidSetting(
        name: "\(name).aspectRatio", expected: "a range above zero", found: "\(aspectRatio)")
    }
  }
}
