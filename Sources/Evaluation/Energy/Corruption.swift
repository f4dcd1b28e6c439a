import Files
import Frames
import Torch

/// A way to spoil a picture that a meaningful energy should notice.
///
/// Each leaves the pixels' distribution nearly as it was, so that brightness or contrast alone give
/// little away. What is drawn depends on the seed, the corruption and the item's number only, except
/// for the donor of a quadrant, which comes from the same batch.
public enum Corruption: String, CaseIterable, Sendable, Codable {
  /// Two blocks of tokens change places.
  case blockSwap
  /// The same, half a token off the grid in both directions: no token is simply moved.
  case blockSwapOffGrid
  /// A quarter of the picture is that of another picture of the batch.
  case replacedQuadrant
  /// Normal noise of deviation 0.2 is added, and the sum kept in 0...1.
  case noise

  /// The deviation of the noise, where 1 is the distance from black to white.
  public static let noiseDeviation: Float = 0.2

  /// The pictures, spoiled.
  ///
  /// - Parameters:
  ///   - pictures: `[B, 3, H, W]`, 0...1 (any number of channels).
  ///   - tokenSize: the pixels along the side of one token of the encoder.
  ///   - seed: fixes the draws.
  ///   - firstItem: the number of the batch's first picture among all.
  /// - Returns: new pictures of the same shape, float32 on the CPU.
  /// - Throws: `EvaluationError.unsuitablePictures` where the grid has no two places for a block
  ///   (fewer than two tokens a side, off the grid fewer than three), or the batch no donor.
  public func callAsFunction(
    _ pictures: Tensor, tokenSize: Int, seed: UInt64, firstItem: Int = 0
  ) throws -> Tensor {
    guard pictures.rank == 4, tokenSize > 0 else {
      throw unsuitable("pictures [B, 3, H, W] and tokens of at least a pixel", pictures)
    }
    let copy = withoutGradient {
      pictures.detached().to(.float32, device: .cpu).contiguous().clone()
    }
    var canvas = Canvas(copy)
    func generator(_ item: Int) -> SeededGenerator {
      SeededGenerator(seed: seed, number, UInt64(firstItem + item))
    }
    switch self {
    case .blockSwap, .blockSwapOffGrid:
      let places = try Places(of: pictures, tokenSize: tokenSize, corruption: self)
      for item in 0..<canvas.count {
        var generator = generator(item)
        let (first, second) = places.draw(using: &generator)
        canvas.swap(item, first, second, side: places.blockSide)
      }
    case .replacedQuadrant:
      guard canvas.count >= 2, canvas.height >= 2, canvas.width >= 2 else {
        throw unsuitable("at least two pictures of at least 2x2 pixels in a batch", pictures)
      }
      let original = Canvas(pictures.detached().to(.float32, device: .cpu).contiguous())
      for item in 0..<canvas.count {
        var generator = generator(item)
        let quadrant = generator.index(below: 4)
        let donor = (item + 1 + generator.index(below: canvas.count - 1)) % canvas.count
        canvas.copy(
          from: original, donor, to: item,
          top: quadrant / 2 * (canvas.height / 2), left: quadrant % 2 * (canvas.width / 2))
      }
    case .noise:
      let noise = Tensor.stack(
        (0..<canvas.count).map { item in
          var draw = generator(item)
          return .normal(Array(pictures.shape[1...]), using: RandomGenerator(seed: draw.next()))
        })
      return withoutGradient { (copy + noise * Double(Self.noiseDeviation)).clamped(to: 0...1) }
    }
    return canvas.pictures
  }

  private var number: UInt64 {
    switch self {
    case .blockSwap: 1
    case .blockSwapOffGrid: 2
    case .replacedQuadrant: 3
    case .noise: 4
    }
  }

  fileprivate func unsuitable(_ needed: String, _ pictures: Tensor) -> EvaluationError {
    .unsuitablePictures(corruption: rawValue, needed: needed, shape: pictures.shape)
  }
}

/// Where blocks may stand in a picture.
private struct Places {
  /// In pixels: a quarter of the grid's shorter side, at least one token.
  let blockSide: Int

  private let blockTokens: Int
  private let rows: Int
  private let columns: Int
  private let tokenSize: Int
  private let offset: Int

  init(
    of pictures: Tensor, tokenSize: Int, corruption: Corruption
  ) throws {
    let (rows, columns) = (pictures.size(2) / tokenSize, pictures.size(3) / tokenSize)
    let isOffGrid = corruption == .blockSwapOffGrid
    blockTokens = max(1, min(rows, columns) / 4)
    blockSide = blockTokens * tokenSize
    self.tokenSize = tokenSize
    offset = isOffGrid ? tokenSize / 2 : 0
    // Half a token off the grid the last place would reach over the edge.
    self.rows = rows - blockTokens + (isOffGrid ? 0 : 1)
    self.columns = columns - blockTokens + (isOffGrid ? 0 : 1)
    guard min(self.rows, self.columns) >= 1, max(self.rows, self.columns) > blockTokens else {
      throw corruption.unsuitable("two places for a block of tokens of \(tokenSize)", pictures)
    }
  }

  /// The top left pixels (y, x) of two blocks that do not touch the same pixel.
  func draw(using generator: inout SeededGenerator) -> ((Int, Int), (Int, Int)) {
    while true {
      let first = (generator.index(below: rows), generator.index(below: columns))
      let second = (generator.index(below: rows), generator.index(below: columns))
      if abs(first.0 - second.0) >= blockTokens || abs(first.1 - second.1) >= blockTokens {
        return (pixel(first), pixel(second))
      }
    }
  }

  private func pixel(_ place: (Int, Int)) -> (Int, Int) {
    (place.0 * tokenSize + offset, place.1 * tokenSize + offset)
  }
}

/// Pictures `[B, C, H, W]` whose pixels can be moved.
private struct Canvas {
  let pictures: Tensor
  let count: Int
  let channels: Int
  let height: Int
  let width: Int

  init(_ pictures: Tensor) {
    self.pictures = pictures
    (count, channels) = (pictures.size(0), pictures.size(1))
    (height, width) = (pictures.size(2), pictures.size(3))
  }

  private func offset(_ item: Int, _ channel: Int, _ y: Int, _ x: Int) -> Int {
    ((item * channels + channel) * height + y) * width + x
  }

  mutating func swap(_ item: Int, _ first: (Int, Int), _ second: (Int, Int), side: Int) {
    pictures.withUnsafeMutableBytes { bytes in
      let pixels = bytes.bindMemory(to: Float.self)
      for channel in 0..<channels {
        for y in 0..<side {
          let a = offset(item, channel, first.0 + y, first.1)
          let b = offset(item, channel, second.0 + y, second.1)
          for x in 0..<side { pixels.swapAt(a + x, b + x) }
        }
      }
    }
  }

  /// Copies half the height and width from `top`, `left`.
  mutating func copy(from other: Canvas, _ donor: Int, to item: Int, top: Int, left: Int) {
    other.pictures.withUnsafeBytes { source in
      pictures.withUnsafeMutableBytes { target in
        let (source, target) = (
          source.bindMemory(to: Float.self), target.bindMemory(to: Float.self)
        )
        for channel in 0..<channels {
          for y in top..<top + height / 2 {
            let (from, to) = (
              other.offset(donor, channel, y, left), offset(item, channel, y, left)
            )
            for x in 0..<width / 2 { target[to + x] = source[from + x] }
          }
        }
      }
    }
  }
}
