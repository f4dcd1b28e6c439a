import ImageJEPA
import Pictures

extension RGBImage {
  /// The picture with a colour over each token's square; `opacity` 1 covers.
  func overlaid(
    _ grid: TokenGrid, opacity: Float, _ color: (_ token: Int) -> RGBColor
  ) -> RGBImage {
    var image = self
    let colors = (0..<grid.count).map { token -> SIMD3<Float> in
      let color = color(token)
      return [Float(color.red), Float(color.green), Float(color.blue)]
    }
    for y in 0..<height {
      for x in 0..<width {
        let color = colors[y * grid.height / height * grid.width + x * grid.width / width]
        let place = (y * width + x) * 3
        for channel in 0..<3 {
          let mixed = Float(pixels[place + channel]) * (1 - opacity) + color[channel] * opacity
          image.pixels[place + channel] = UInt8(min(max(mixed.rounded(), 0), 255))
        }
      }
    }
    return image
  }

  /// Draws a white line of two pixels around a token's square.
  mutating func outline(_ grid: TokenGrid, place: Int) {
    let (row, column) = (place / grid.width, place % grid.width)
    let (top, bottom) = (row * height / grid.height, (row + 1) * height / grid.height)
    let (left, right) = (column * width / grid.width, (column + 1) * width / grid.width)
    for y in top..<bottom {
      for x in left..<right
      where y < top + 2 || y >= bottom - 2 || x < left + 2 || x >= right - 2 {
        let place = (y * width + x) * 3
        for channel in 0..<3 { pixels[place + channel] = 255 }
      }
    }
  }
}
