import Files
import Foundation
import Pictures

/// A picture of one thing with its outline: what moves in synthetic clips.
///
/// Colours are multiplied by the opacity, and halved copies are kept, so that it can be drawn at any
/// size without flicker.
public struct CutOut: Sendable {
  /// One size of the picture: `height` rows of `width` pixels of red, green, blue and opacity.
  struct Level: Sendable {
    let width: Int
    let height: Int
    let pixels: [UInt8]
  }

  /// The full size first; each one half of the one before.
  let levels: [Level]

  public var width: Int { levels[0].width }
  public var height: Int { levels[0].height }

  /// - Parameters:
  ///   - width: in pixels.
  ///   - height: in pixels.
  ///   - pixels: red, green, blue and opacity, not multiplied.
  /// - Precondition: `pixels.count == width * height * 4`.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(
      width > 0 && height > 0 && pixels.count == width * height * 4,
      "\(pixels.count) bytes for a cut-out of \(width)x\(height)x4")
    var multiplied = pixels
    for i in stride(from: 0, to: pixels.count, by: 4) {
      for channel in 0..<3 {
        multiplied[i + channel] = UInt8((Int(pixels[i + channel]) * Int(pixels[i + 3]) + 127) / 255)
      }
    }
    var level = Level(width: width, height: height, pixels: multiplied)
    var levels = [level]
    while min(level.width, level.height) >= 8 {
      level = Self.halved(level)
      levels.append(level)
    }
    self.levels = levels
  }

  private static func halved(_ level: Level) -> Level {
    let (width, height) = (level.width / 2, level.height / 2)
    var pixels = [UInt8](repeating: 0, count: width * height * 4)
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<4 {
          let i = ((2 * y) * level.width + 2 * x) * 4 + channel
          let j = i + level.width * 4
          let sum =
            Int(level.pixels[i]) + Int(level.pixels[i + 4]) + Int(level.pixels[j])
            + Int(level.pixels[j + 4])
          pixels[(y * width + x) * 4 + channel] = UInt8((sum + 2) / 4)
        }
      }
    }
    return Level(width: width, height: height, pixels: pixels)
  }

  /// Cuts a thing out of a picture on plain paper: what can be reached from the edges without leaving
  /// the paper's colour becomes transparent.
  ///
  /// - Returns: nil where no thing remains, or nearly the whole picture.
  public init?(onPaper image: RGBImage, paper: RGBColor = .white, tolerance: Int = 24) {
    let (width, height) = (image.width, image.height)
    func isPaper(_ pixel: Int) -> Bool {
      abs(Int(image.pixels[pixel * 3]) - Int(paper.red)) <= tolerance
        && abs(Int(image.pixels[pixel * 3 + 1]) - Int(paper.green)) <= tolerance
        && abs(Int(image.pixels[pixel * 3 + 2]) - Int(paper.blue)) <= tolerance
    }
    var isOutside = [Bool](repeating: false, count: width * height)
    var open: [Int] = []
    func visit(_ x: Int, _ y: Int) {
      let pixel = y * width + x
      guard !isOutside[pixel], isPaper(pixel) else { return }
      isOutside[pixel] = true
      open.append(pixel)
    }
    for x in 0..<width {
      visit(x, 0)
      visit(x, height - 1)
    }
    for y in 0..<height {
      visit(0, y)
      visit(width - 1, y)
    }
    while let pixel = open.popLast() {
      let (x, y) = (pixel % width, pixel / width)
      if x > 0 { visit(x - 1, y) }
      if x + 1 < width { visit(x + 1, y) }
      if y > 0 { visit(x, y - 1) }
      if y + 1 < height { visit(x, y + 1) }
    }
    let share = Double(isOutside.count { !$0 }) / Double(width * height)
    guard share > 0.08 && share < 0.92 else { return nil }
    var pixels = [UInt8](repeating: 255, count: width * height * 4)
    for y in 0..<height {
      for x in 0..<width {
        let pixel = y * width + x
        for channel in 0..<3 { pixels[pixel * 4 + channel] = image.pixels[pixel * 3 + channel] }
        guard !isOutside[pixel] else {
          pixels[pixel * 4 + 3] = 0
          continue
        }
        // A soft edge: as opaque as its neighbourhood is inside.
        var (inside, all) = (0, 0)
        for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)] {
          let (nx, ny) = (x + dx, y + dy)
          guard nx >= 0, ny >= 0, nx < width, ny < height else { continue }
          all += 1
          if !isOutside[ny * width + nx] { inside += 1 }
        }
        pixels[pixel * 4 + 3] = UInt8(255 * inside / all)
      }
    }
    self.init(width: width, height: height, pixels: pixels)
  }

  /// The things that can be cut out of the pictures of a folder, in its order.
  ///
  /// - Throws: `ImageError` where the folder cannot be read; pictures that cannot be are left out.
  public static func all(
    inFolder path: String, atMost limit: Int = .max
  ) throws(ImageError) -> [CutOut] {
    let folder = try ImageFolder(path)
    let decoder = ImageDecoder()
    var found: [CutOut] = []
    // Spread over the whole folder, which is sorted by class.
    let step = max(1, folder.count / max(1, min(limit, folder.count)))
    for index in stride(from: 0, to: folder.count, by: step) where found.count < limit {
      guard let image = try? decoder.decode(contentsOf: folder.path(of: index)),
        let cutOut = CutOut(onPaper: image)
      else { continue }
      found.append(cutOut)
    }
    return found
  }

  /// A shape in random colours: a disc, a box, a ring, a star or a blob, in stripes, spots or plain.
  public static func shape(using generator: inout SeededGenerator, size: Int = 64) -> CutOut {
    let kind = generator.index(below: 5)
    let pattern = generator.index(below: 3)
    let colors = (0..<2).map { _ in
      (0..<3).map { _ in Float(generator.index(below: 256)) }
    }
    let wave = generator.uniform(in: 0.2...0.5)
    let lobes = Float(3 + generator.index(below: 4))
    let phase = generator.uniform(in: 0...(2 * .pi))
    let stripes = generator.uniform(in: 6...14)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(size * size * 4)
    for y in 0..<size {
      for x in 0..<size {
        let u = (Float(x) + 0.5) / Float(size) * 2 - 1
        let v = (Float(y) + 0.5) / Float(size) * 2 - 1
        let (radius, angle) = ((u * u + v * v).squareRoot(), atan2(v, u))
        // Signed distances to the outline, roughly; positive inside.
        let depth: Float =
          switch kind {
          case 0: 0.92 - radius
          case 1: 0.88 - max(abs(u), abs(v))
          case 2: min(0.92 - radius, radius - 0.45)
          case 3: 0.92 - wave - wave * cos(lobes * angle + phase) - radius + wave
          default: 0.7 + 0.2 * sin(lobes * angle + phase) - radius
          }
        let opacity = min(max(depth * Float(size) / 2, 0), 1)
        let choice: Bool =
          switch pattern {
          case 0: false
          case 1: sin((u * cos(phase) + v * sin(phase)) * stripes) > 0
          default: sin(u * stripes) * sin(v * stripes) > 0.2
          }
        let shade = 1 - 0.25 * max(0, u * 0.7 + v * 0.7)
        for channel in 0..<3 {
          pixels.append(UInt8(min(255, colors[choice ? 1 : 0][channel] * shade)))
        }
        pixels.append(UInt8(opacity * 255))
      }
    }
    return CutOut(width: size, height: size, pixels: pixels)
  }
}
