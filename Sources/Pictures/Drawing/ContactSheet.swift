/// A grid of pictures on one, with captions: rows of a title and tiles, thin gaps between tiles,
/// wider ones where a new group starts.
public struct ContactSheet: Sendable {
  /// One picture of the grid.
  public struct Tile: Sendable {
    public var image: RGBImage
    /// Written below the picture, cut to its width.
    public var caption: String
    /// Whether a wider gap separates it from the tile before.
    public var startsGroup: Bool

    public init(_ image: RGBImage, caption: String = "", startsGroup: Bool = false) {
      self.image = image
      self.caption = caption
      self.startsGroup = startsGroup
    }
  }

  /// Side of a tile in pixels; the longer side of each picture is resized to it.
  public var tileSize: Int
  /// From top to bottom.
  public private(set) var rows: [[Tile]] = []

  private static let gap = 4
  private static let groupGap = 12
  /// A dot of the captions' letters is a square of this side: 20 letters and more fit under a tile.
  private var dot: Int { max(1, tileSize / 128) }
  private static let paper = RGBColor(24, 24, 28)
  private static let ink = RGBColor(200, 200, 205)

  public init(tileSize: Int = 128) {
    precondition(tileSize > 0, "tiles of \(tileSize) pixels")
    self.tileSize = tileSize
  }

  public mutating func append(row: [Tile]) { rows.append(row) }

  private var captionHeight: Int { LetterFont.glyphHeight * dot + 4 }

  /// Draws the sheet.
  ///
  /// - Precondition: there is at least one tile.
  public func draw() -> RGBImage {
    precondition(rows.contains { !$0.isEmpty }, "a contact sheet without a picture")
    let widths = rows.map { row in
      row.reduce(Self.gap) { $0 + tileSize + Self.gap + ($1.startsGroup ? Self.groupGap : 0) }
    }
    let heights = rows.map { row in
      tileSize + Self.gap + (row.contains { !$0.caption.isEmpty } ? captionHeight : 0)
    }
    var sheet = RGBImage(
      width: widths.max()!, height: heights.reduce(Self.gap, +), color: Self.paper)
    var top = Self.gap
    for (row, height) in zip(rows, heights) {
      var left = Self.gap
      for tile in row {
        if tile.startsGroup { left += Self.groupGap }
        place(tile.image, x: left, y: top, on: &sheet)
        sheet.writeLetters(
          tile.caption, x: left, y: top + tileSize + 3, width: tileSize, dot: dot, Self.ink)
        left += tileSize + Self.gap
      }
      top += height
    }
    return sheet
  }

  /// Draws a picture into the middle of its tile.
  private func place(_ image: RGBImage, x: Int, y: Int, on sheet: inout RGBImage) {
    let longer = max(image.width, image.height)
    let factor = Double(tileSize) / Double(longer)
    let width = max(1, Int((Double(image.width) * factor).rounded()))
    let height = max(1, Int((Double(image.height) * factor).rounded()))
    let left = x + (tileSize - width) / 2
    let top = y + (tileSize - height) / 2
    if tileSize % longer == 0 {
      // Enlarged without smoothing: pixels are what one wants to see.
      for row in 0..<height {
        for column in 0..<width {
          let source = (row / Int(factor) * image.width + column / Int(factor)) * 3
          let target = ((top + row) * sheet.width + left + column) * 3
          for channel in 0..<3 { sheet.pixels[target + channel] = image.pixels[source + channel] }
        }
      }
      return
    }
    var planes = [Float](repeating: 0, count: 3 * width * height)
    Resampler().resample(
      image.pixels, sourceWidth: image.width, sourceHeight: image.height,
      box: CropBox(width: image.width, height: image.height), to: &planes, width: width,
      height: height)
    let small = RGBImage(planes: planes, width: width, height: height)
    for row in 0..<height {
      let target = ((top + row) * sheet.width + left) * 3
      sheet.pixels.replaceSubrange(
        target..<target + width * 3, with: small.pixels[row * width * 3..<(row + 1) * width * 3])
    }
  }
}

extension RGBImage {
  /// A picture out of planes `[3, height, width]` that were normalised with `normalization`; values
  /// outside 0...1 are cut.
  ///
  /// - Precondition: `planes` has `3 * width * height` values.
  public init(
    planes: some Collection<Float>, width: Int, height: Int,
    normalization: Normalization = .identity
  ) {
    precondition(
      planes.count == 3 * width * height, "\(planes.count) values for 3x\(height)x\(width)")
    var pixels = [UInt8](repeating: 0, count: planes.count)
    let plane = width * height
    for (index, value) in planes.enumerated() {
      let (channel, pixel) = (index / plane, index % plane)
      let unit =
        value * normalization.standardDeviation[channel] + normalization.mean[channel]
      pixels[pixel * 3 + channel] = UInt8(min(max(unit * 255, 0), 255).rounded())
    }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// Fills a rectangle, cut to the picture; `opacity` 1 covers, 0 leaves as it is.
  package mutating func fill(
    x: Int, y: Int, width: Int, height: Int, _ color: RGBColor, opacity: Float = 1
  ) {
    let components = [color.red, color.green, color.blue].map(Float.init)
    for row in max(y, 0)..<max(0, y, min(y + height, self.height)) {
      for column in max(x, 0)..<max(0, x, min(x + width, self.width)) {
        for channel in 0..<3 {
          let at = (row * self.width + column) * 3 + channel
          let mixed = Float(pixels[at]) * (1 - opacity) + components[channel] * opacity
          pixels[at] = UInt8(min(max(mixed.rounded(), 0), 255))
        }
      }
    }
  }
}
