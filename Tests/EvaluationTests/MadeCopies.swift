import Files
import Foundation
import Pictures

/// A made-up photograph, pictures that are made of it, and the same things taken from elsewhere.
struct MadeCopies {
  /// What is done to a picture.
  enum Kind: String, CaseIterable {
    case half, crop, q30, grey, mirror, border, caption
  }

  private static let (width, height) = (120, 150)

  /// Ellipses of many sizes and colours.
  ///
  /// - Parameter moved: by how many pixels each is elsewhere and larger or smaller, at most: nearer ones move by more, as
  ///   where somebody took a step to the side.
  static func photograph(_ seed: UInt64, moved: Float = 0) -> RGBImage {
    var draws = SeededGenerator(seed: seed)
    var image = RGBImage(width: width, height: height, color: RGBColor(120, 130, 140))
    for number in 0..<45 {
      let radius = (draws.uniform(in: 4...26), draws.uniform(in: 4...26))
      let centre = (
        draws.uniform(in: 0...Float(width)), draws.uniform(in: 0...Float(height))
      )
      let color = (0..<3).map { _ in UInt8(draws.index(below: 256)) }
      let (right, down) = (draws.uniform(in: -1...1), draws.uniform(in: -1...1))
      let near = moved * (0.5 + Float(number % 3) / 4)
      let (x0, y0) = (centre.0 + right * near, centre.1 + down * near)
      for y in max(0, Int(y0 - radius.1))..<min(height, max(0, Int(y0 + radius.1) + 1)) {
        for x in max(0, Int(x0 - radius.0))..<min(width, max(0, Int(x0 + radius.0) + 1)) {
          let (dx, dy) = ((Float(x) - x0) / radius.0, (Float(y) - y0) / radius.1)
          guard dx * dx + dy * dy <= 1 else { continue }
          for channel in 0..<3 { image.pixels[(y * width + x) * 3 + channel] = color[channel] }
        }
      }
    }
    return image
  }

  /// A picture whose pixels are those that `source` names.
  private static func remade(
    _ image: RGBImage, width: Int, height: Int,
    _ color: (_ x: Int, _ y: Int, _ pixel: (Int, Int) -> [UInt8]) -> [UInt8]
  ) -> RGBImage {
    func pixel(_ x: Int, _ y: Int) -> [UInt8] {
      let place = (y * image.width + x) * 3
      return Array(image.pixels[place..<place + 3])
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(width * height * 3)
    for y in 0..<height { for x in 0..<width { pixels += color(x, y, pixel) } }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  static func copy(_ image: RGBImage, _ kind: Kind) -> RGBImage {
    let (width, height) = (image.width, image.height)
    switch kind {
    case .half:
      return remade(image, width: width / 2, height: height / 2) { x, y, pixel in
        let four = [
          pixel(2 * x, 2 * y), pixel(2 * x + 1, 2 * y), pixel(2 * x, 2 * y + 1),
          pixel(2 * x + 1, 2 * y + 1),
        ]
        return (0..<3).map { channel in UInt8(four.reduce(0) { $0 + Int($1[channel]) } / 4) }
      }
    case .crop:
      return remade(image, width: width * 9 / 10, height: height * 9 / 10) { x, y, pixel in
        pixel(x + width / 10, y + height / 30)
      }
    case .q30:
      guard let bytes = try? image.jpegBytes(quality: 30),
        let read = try? ImageDecoder().decode(bytes, name: "q30")
      else { preconditionFailure("no JPEG") }
      return read
    case .grey:
      return remade(image, width: width, height: height) { x, y, pixel in
        let color = pixel(x, y)
        let luma = 0.299 * Float(color[0]) + 0.587 * Float(color[1]) + 0.114 * Float(color[2])
        return Array(repeating: UInt8(luma), count: 3)
      }
    case .mirror:
      return remade(image, width: width, height: height) { x, y, pixel in pixel(width - 1 - x, y) }
    case .border:
      let border = width / 20
      return remade(image, width: width + 2 * border, height: height + 2 * border) { x, y, pixel in
        let (x, y) = (x - border, y - border)
        return (0..<width).contains(x) && (0..<height).contains(y) ? pixel(x, y) : [0, 0, 0]
      }
    case .caption:
      return remade(image, width: width, height: height) { x, y, pixel in
        guard y >= height - height / 8 else { return pixel(x, y) }
        return x % 9 < 4 && y % 4 < 2 ? [255, 0, 0] : [255, 255, 255]
      }
    }
  }
}
