import Files
import Foundation

/// Draws a crop of random area and shape.
///
/// An area uniform in `scale` of the picture's, an aspect ratio log-uniform in `aspectRatio`; ten
/// tries, then the largest central crop whose ratio is allowed. As torchvision's
/// `RandomResizedCrop`, except that the corners are not rounded to whole pixels.
///
/// Reference: Szegedy et al. 2015, arXiv:1409.4842, section 6.
public struct RandomResizedCrop: Codable, Sendable, Equatable {
  /// Least and greatest area, as a share of the picture's.
  public var scale: ClosedRange<Float>
  /// Least and greatest width over height.
  public var aspectRatio: ClosedRange<Float>

  public init(scale: ClosedRange<Float> = 0.08...1, aspectRatio: ClosedRange<Float> = 0.75...4 / 3)
  {
    self.scale = scale
    self.aspectRatio = aspectRatio
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let standard = RandomResizedCrop()
    scale = try values.decode(.scale, default: standard.scale)
    aspectRatio = try values.decode(.aspectRatio, default: standard.aspectRatio)
  }

  /// A crop of a picture of `width` x `height` pixels, within its edges.
  public func draw(
    width: Int, height: Int, using generator: inout SeededGenerator
  ) -> CropBox {
    let area = Double(width) * Double(height)
    let (fullWidth, fullHeight) = (Double(width), Double(height))
    for _ in 0..<10 {
      let target = area * Double(generator.uniform(in: scale))
      let ratio = exp(
        Double(generator.uniform(in: log(aspectRatio.lowerBound)...log(aspectRatio.upperBound))))
      let cropWidth = (target * ratio).squareRoot()
      let cropHeight = (target / ratio).squareRoot()
      let (right, down) = (Double(generator.uniform()), Double(generator.uniform()))
      // A crop of less than a pixel would say nothing.
      guard cropWidth <= fullWidth, cropHeight <= fullHeight, cropWidth >= 1, cropHeight >= 1
      else { continue }
      return CropBox(
        x: right * (fullWidth - cropWidth), y: down * (fullHeight - cropHeight),
        width: cropWidth, height: cropHeight)
    }
    let ratio = fullWidth / fullHeight
    var (cropWidth, cropHeight) = (fullWidth, fullHeight)
    if ratio < Double(aspectRatio.lowerBound) {
      cropHeight = min(fullHeight, max(1, fullWidth / Double(aspectRatio.lowerBound)))
    } else if ratio > Double(aspectRatio.upperBound) {
      cropWidth = min(fullWidth, max(1, fullHeight * Double(aspectRatio.upperBound)))
    }
    return CropBox(
      x: (fullWidth - cropWidth) / 2, y: (fullHeight - cropHeight) / 2, width: cropWidth,
      height: cropHeight)
  }

  package func validate(_ name: String) throws(ImageError) {
    guard scale.lowerBound > 0, scale.upperBound <= 1 else {
      throw .invalidSetting(
        name: "\(name).scale", expected: "a range within 0...1, above zero", found: "\(scale)")
    }
    guard aspectRatio.lowerBound > 0, aspectRatio.upperBound.isFinite else {
      throw .invalidSetting(
        name: "\(name).aspectRatio", expected: "a range above zero", found: "\(aspectRatio)")
    }
  }
}

/// Exchanges left and right.
public struct HorizontalFlip: Codable, Sendable, Equatable {
  public var probability: Float

  public init(probability: Float = 0.5) { self.probability = probability }

  public func draw(using generator: inout SeededGenerator) -> Bool {
    generator.uniform() < probability
  }
}
