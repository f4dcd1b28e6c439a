import Pictures
import Torch

/// The energy of each token of a frame: where in the picture its neighbours predict it badly.
public struct EnergyMap: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// `height` rows of `width` energies.
  public let values: [Float]
  /// The context that the tokens are predicted from.
  public let mode: PredictionMode

  /// - Precondition: `values.count == width * height`.
  public init(width: Int, height: Int, values: [Float], mode: PredictionMode = .middle) {
    precondition(
      values.count == width * height, "\(values.count) energies for \(width)x\(height) tokens")
    self.width = width
    self.height = height
    self.values = values
    self.mode = mode
  }

  /// How much of a picture the hottest token covers: what is below it can always be seen.
  public static let greatestOpacity: Float = 0.55

  /// The picture with the energies laid over it: clear below `low`, red at `high` and above, between
  /// tokens as between pixels.
  ///
  /// - Precondition: `low < high`.
  public func overlay(on image: RGBImage, low: Float, high: Float) -> RGBImage {
    precondition(low < high, "a heat from \(low) to \(high)")
    var result = image
    for y in 0..<image.height {
      let v = (Float(y) + 0.5) / Float(image.height) * Float(height) - 0.5
      for x in 0..<image.width {
        let u = (Float(x) + 0.5) / Float(image.width) * Float(width) - 0.5
        let heat = min(max((value(u, v) - low) / (high - low), 0), 1)
        let start = (y * image.width + x) * 3
        // Yellow where it is warm, red where it is hot; what is cold is as it was.
        let color = SIMD3<Float>(255, 220 * (1 - heat), 0)
        let opacity = Self.greatestOpacity * heat.squareRoot()
        for channel in 0..<3 {
          let mixed =
            Float(image.pixels[start + channel]) * (1 - opacity) + color[channel] * opacity
          result.pixels[start + channel] = UInt8(min(max(mixed, 0), 255))
        }
      }
    }
    return result
  }

  private func value(_ u: Float, _ v: Float) -> Float {
    let (x, y) = (min(max(u, 0), Float(width - 1)), min(max(v, 0), Float(height - 1)))
    let (left, top) = (Int(x), Int(y))
    let (right, bottom) = (min(left + 1, width - 1), min(top + 1, height - 1))
    let (a, b) = (x - Float(left), y - Float(top))
    let upper = values[top * width + left] * (1 - a) + values[top * width + right] * a
    let lower = values[bottom * width + left] * (1 - a) + values[bottom * width + right] * a
    return upper * (1 - b) + lower * b
  }
}

extension ClipModel {
  /// The energies of the tokens of every frame among its neighbours, by the prediction from both sides where
  /// two frames on each are there, from the past or the future otherwise.
  ///
  /// - Parameters:
  ///   - images: frames in a row, of one size.
  ///   - device: where the numbers are computed.
  /// - Returns: for each frame its map; nil where no prediction has its whole context.
  public func energyMaps(of images: [RGBImage], device: Device = .cpu) -> [EnergyMap?] {
    guard !images.isEmpty else { return [] }
    return withoutGradient {
      let maps = encoder.maps(of: clip(of: images, device: device))
      var found = [EnergyMap?](repeating: nil, count: images.count)
      // The better informed prediction has the last word.
      for mode in [PredictionMode.future, .past, .middle] {
        guard let predictions = ClipPredictions(mode, of: maps, by: predictor) else { continue }
        let energies = predictions.energies[0].contiguous().to(device: .cpu)
        for (row, place) in predictions.targets.enumerated() {
          found[place] = EnergyMap(
            width: energies.size(2), height: energies.size(1), values: energies[row].array(),
            mode: mode)
        }
      }
      return found
    }
  }

  /// The map of one frame among its neighbours: see `energyMaps(of:device:)`.
  ///
  /// - Parameters:
  ///   - images: frames in a row, of one size.
  ///   - place: of the frame among `images`.
  ///   - device: where the numbers are computed.
  public func energyMap(
    of images: [RGBImage], at place: Int, device: Device = .cpu
  ) -> EnergyMap? {
    energyMaps(of: images, device: device)[place]
  }
}
