import Files
import Foundation
import Pictures

/// Changes brightness, contrast, saturation and hue at random, in a random order.
///
/// Each factor is uniform in `1 - strength ... 1 + strength` (not below 0), the hue's shift in
/// `-hue ... hue` of a turn; values are cut to 0...1 after each of the four. As torchvision's
/// `ColorJitter` on float pictures.
///
/// Reference: Chen et al. 2020, arXiv:2002.05709 (SimCLR), appendix A.
public struct ColorJitter: Codable, Sendable, Equatable {
  public var probability: Float
  public var brightness: Float
  public var contrast: Float
  public var saturation: Float
  /// In turns of the colour circle, 0...0.5.
  public var hue: Float

  public init(
    probability: Float = 0.8, brightness: Float = 0.4, contrast: Float = 0.4,
    saturation: Float = 0.2, hue: Float = 0.1
  ) {
    self.probability = probability
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let standard = ColorJitter()
    probability = try values.decode(.probability, default: standard.probability)
    brightness = try values.decode(.brightness, default: standard.brightness)
    contrast = try values.decode(.contrast, default: standard.contrast)
    saturation = try values.decode(.saturation, default: standard.saturation)
    hue = try values.decode(.hue, default: standard.hue)
  }

  /// One draw: what is done to a picture.
  public struct Change: Sendable, Equatable {
    public enum Step: Int, Sendable, CaseIterable { case brightness, contrast, saturation, hue }

    /// The order of the four.
    public var order: [Step]
    public var brightness: Float
    public var contrast: Float
    public var saturation: Float
    /// In turns.
    public var hue: Float

    public init(
      order: [Step] = Step.allCases, brightness: Float = 1, contrast: Float = 1,
      saturation: Float = 1, hue: Float = 0
    ) {
      self.order = order
      self.brightness = brightness
      self.contrast = contrast
      self.saturation = saturation
      self.hue = hue
    }

    /// Changes `pixels`, in 0...1, in place.
    public func apply(to pixels: PixelPlanes) {
      for step in order {
        switch step {
        case .brightness where brightness != 1: applyBrightness(to: pixels)
        case .contrast where contrast != 1: applyContrast(to: pixels)
        case .saturation where saturation != 1: applySaturation(to: pixels)
        case .hue where hue != 0: applyHue(to: pixels)
        default: break
        }
      }
    }

    private func applyBrightness(to pixels: PixelPlanes) {
      let factor = brightness
      pixels.mapColors { red, green, blue in
        red = cutToUnit(red * factor)
        green = cutToUnit(green * factor)
        blue = cutToUnit(blue * factor)
      }
    }

    /// Away from or towards the mean brightness of the picture.
    private func applyContrast(to pixels: PixelPlanes) {
      let (red, green, blue) = (pixels.plane(0), pixels.plane(1), pixels.plane(2))
      // Eight sums, which is both faster and more exact than one.
      var sums = SIMD8<Float>.zero
      let whole = pixels.planeCount / 8 * 8
      for start in stride(from: 0, to: whole, by: 8) {
        for lane in 0..<8 {
          sums[lane] += luma(red[start + lane], green[start + lane], blue[start + lane])
        }
      }
      for i in whole..<pixels.planeCount { sums[0] += luma(red[i], green[i], blue[i]) }
      let mean = sums.sum() / Float(pixels.planeCount)
      let factor = contrast
      let rest = mean * (1 - factor)
      pixels.mapColors { red, green, blue in
        red = cutToUnit(red * factor + rest)
        green = cutToUnit(green * factor + rest)
        blue = cutToUnit(blue * factor + rest)
      }
    }

    /// Away from or towards each pixel's own brightness.
    private func applySaturation(to pixels: PixelPlanes) {
      let factor = saturation
      pixels.mapColors { red, green, blue in
        let grey = luma(red, green, blue) * (1 - factor)
        red = cutToUnit(red * factor + grey)
        green = cutToUnit(green * factor + grey)
        blue = cutToUnit(blue * factor + grey)
      }
    }

    /// Turns the hue of HSV, without branches: with h in sixths of a turn, value v and chroma c,
    /// each channel is v - c * clamp(min(k, 4 - k), 0, 1), k = (n + h) mod 6, n = 5, 3, 1.
    private func applyHue(to pixels: PixelPlanes) {
      let shift = self.hue * 6
      pixels.mapColors { red, green, blue in
        let value = max(red, green, blue)
        let chroma = value - min(red, green, blue)
        let inverse = 1 / (chroma == 0 ? 1 : chroma)
        let fromGreen = (blue - red) * inverse + 2
        let fromBlue = (red - green) * inverse + 4
        let fromRed = (green - blue) * inverse
        var hue = red == value ? fromRed : (green == value ? fromGreen : fromBlue)
        hue += shift
        hue += hue < 0 ? 6 : 0
        hue -= hue >= 6 ? 6 : 0
        @inline(__always) func channel(_ offset: Float) -> Float {
          let k = hue + offset
          let wrapped = k - (k >= 6 ? 6 : 0)
          return value - chroma * cutToUnit(min(wrapped, 4 - wrapped))
        }
        red = channel(5)
        green = channel(3)
        blue = channel(1)
      }
    }
  }

  /// What to do to one picture; nil where the probability leaves it alone.
  public func draw(using generator: inout SeededGenerator) -> Change? {
    guard generator.uniform() < probability else { return nil }
    var order = Change.Step.allCases
    generator.shuffle(&order)
    func factor(_ strength: Float, _ generator: inout SeededGenerator) -> Float {
      generator.uniform(in: max(0, 1 - strength)...1 + strength)
    }
    return Change(
      order: order, brightness: factor(brightness, &generator),
      contrast: factor(contrast, &generator), saturation: factor(saturation, &generator),
      hue: generator.uniform(in: -hue...hue))
  }

  package func validate(_ name: String) throws(ImageError) {
    try Setting.probability(probability, name)
    for (strength, label) in [
      (brightness, "brightness"), (contrast, "contrast"), (saturation, "saturation"),
    ] where !(strength >= 0 && strength.isFinite) {
      throw .invalidSetting(
        name: "\(name).\(label)", expected: "a number of at least 0", found: "\(strength)")
    }
    guard hue >= 0 && hue <= 0.5 else {
      throw .invalidSetting(name: "\(name).hue", expected: "a number in 0...0.5", found: "\(hue)")
    }
  }
}

/// Takes the colour away: all channels become the brightness.
public struct Greyscale: Codable, Sendable, Equatable {
  public var probability: Float

  public init(probability: Float = 0.2) { self.probability = probability }

  public func draw(using generator: inout SeededGenerator) -> Bool {
    generator.uniform() < probability
  }

  /// Changes `pixels`, in 0...1, in place.
  public static func apply(to pixels: PixelPlanes) {
    pixels.mapColors { red, green, blue in
      let grey = luma(red, green, blue)
      red = grey
      green = grey
      blue = grey
    }
  }
}

/// Inverts what is at least as bright as a threshold, channel by channel.
///
/// Reference: Grill et al. 2020, arXiv:2006.07733 (BYOL), appendix B.
public struct Solarize: Codable, Sendable, Equatable {
  public var probability: Float
  /// In 0...1.
  public var threshold: Float

  public init(probability: Float = 0.2, threshold: Float = 0.5) {
    self.probability = probability
    self.threshold = threshold
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    probability = try values.decode(.probability, default: 0.2)
    threshold = try values.decode(.threshold, default: 0.5)
  }

  public func draw(using generator: inout SeededGenerator) -> Bool {
    generator.uniform() < probability
  }

  /// Changes `pixels`, in 0...1, in place.
  public func apply(to pixels: PixelPlanes) {
    let threshold = threshold
    pixels.mapColors { red, green, blue in
      red = red >= threshold ? 1 - red : red
      green = green >= threshold ? 1 - green : green
      blue = blue >= threshold ? 1 - blue : blue
    }
  }
}
