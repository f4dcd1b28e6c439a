import Files
import Foundation
import Pictures

/// The grid of tokens that an encoder makes of a picture.
public struct TokenGrid: Codable, Sendable, Equatable {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  public var count: Int { height * width }
}

/// The multi-block masks of I-JEPA: a few target blocks to be predicted, and one large context block
/// from which every target token has been taken out.
///
/// One target size and one context size are drawn for a batch, places for each item. Two
/// departures from the published code: a context never keeps a target token (the original lets it
/// when it finds no room), and contexts are cut to a common length by leaving out tokens at random
/// (the original leaves out the last, that is the lowest rows of every picture).
///
/// Reference: Assran et al. 2023, arXiv:2301.08243, section 3 and appendix A.
public struct MultiBlockMask: Codable, Sendable, Equatable {
  /// Target blocks in a picture; they may overlap.
  public var numberOfTargets: Int
  /// Area of a target block, as a share of the grid.
  public var targetScale: ClosedRange<Float>
  /// Height over width of a target block.
  public var targetAspectRatio: ClosedRange<Float>
  /// Area of the context block before the targets are taken out, as a share of the grid; square.
  public var contextScale: ClosedRange<Float>
  /// The fewest tokens that a context and that a target block may have.
  public var minimumKept: Int

  public init(
    numberOfTargets: Int = 4, targetScale: ClosedRange<Float> = 0.15...0.2,
    targetAspectRatio: ClosedRange<Float> = 0.75...1.5,
    contextScale: ClosedRange<Float> = 0.85...1, minimumKept: Int = 4
  ) {
    self.numberOfTargets = numberOfTargets
    self.targetScale = targetScale
    self.targetAspectRatio = targetAspectRatio
    self.contextScale = contextScale
    self.minimumKept = minimumKept
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let standard = MultiBlockMask()
    numberOfTargets = try values.decode(.numberOfTargets, default: standard.numberOfTargets)
    targetScale = try values.decode(.targetScale, default: standard.targetScale)
    targetAspectRatio = try values.decode(.targetAspectRatio, default: standard.targetAspectRatio)
    contextScale = try values.decode(.contextScale, default: standard.contextScale)
    minimumKept = try values.decode(.minimumKept, default: standard.minimumKept)
  }

  /// The masks of one batch: token numbers in `0 ..< grid.count`, rows first, ascending.
  public struct Batch: Sendable, Equatable {
    public let itemCount: Int
    public let targetCount: Int
    /// Tokens in each context.
    public let contextLength: Int
    /// Tokens in each target block.
    public let targetLength: Int
    /// `[itemCount, contextLength]`
    public let context: [Int64]
    /// `[itemCount, targetCount, targetLength]`
    public let targets: [Int64]
  }

  /// Height and width of a block in tokens.
  struct BlockSize: Equatable, CustomStringConvertible {
    var height: Int
    var width: Int

    var area: Int { height * width }
    var description: String { "\(height)x\(width)" }
  }

  /// Redraws of one item before all its targets are put on one place, which always leaves room.
  private static let mostTries = 100

  /// The size of a block of a share `scale` of the grid; a block never fills a whole side, as in
  /// the published code, unless the side is a single token.
  static func blockSize(scale: Float, aspectRatio: Float, grid: TokenGrid, mayFill: Bool)
    -> BlockSize
  {
    let area = Float(Int(Float(grid.count) * scale))
    let height = Int((area * aspectRatio).squareRoot().rounded())
    let width = Int((area / aspectRatio).squareRoot().rounded())
    let margin = mayFill ? 0 : 1
    return BlockSize(
      height: max(1, min(height, grid.height - margin)),
      width: max(1, min(width, grid.width - margin)))
  }

  /// Every size that a block can take, for a range of scales and aspect ratios.
  private func sizes(
    _ scale: ClosedRange<Float>, _ aspectRatio: ClosedRange<Float>, grid: TokenGrid, mayFill: Bool
  ) -> [BlockSize] {
    var found: [BlockSize] = []
    let tokens = Float(grid.count)
    let areas = Int(tokens * scale.lowerBound)...Int(tokens * scale.upperBound)
    for area in areas {
      // A side jumps where its square root passes a half: look on both sides of every jump.
      var ratios = [aspectRatio.lowerBound, aspectRatio.upperBound]
      for side in 0...max(grid.height, grid.width) {
        let jump = (Float(side) + 0.5) * (Float(side) + 0.5)
        for ratio in [jump / Float(area), Float(area) / jump] {
          ratios += [ratio * 0.9999, ratio * 1.0001].filter(aspectRatio.contains)
        }
      }
      for ratio in ratios {
        // Half a token more, so that rounding does not lose the area again.
        let size = Self.blockSize(
          scale: (Float(area) + 0.5) / tokens, aspectRatio: ratio, grid: grid,
          mayFill: mayFill)
        if !found.contains(size) { found.append(size) }
      }
    }
    return found
  }

  /// Checks, before anything is trained, that masks can always be drawn on `grid`.
  ///
  /// - Throws: `ImageError.invalidSetting` for a setting that makes no sense anywhere, and
  ///   `ImageError.impossibleMask` where a target block can be smaller than `minimumKept` (the
  ///   published `min_keep` of 10 on an 8x8 grid, whose blocks can be 4x2), or a context once a
  ///   target block has been taken out of it.
  public func validate(grid: TokenGrid) throws(ImageError) {
    guard grid.height > 0 && grid.width > 0 else {
      throw .impossibleMask(
        expected: "a grid of at least one token", found: "\(grid.height)x\(grid.width)")
    }
    guard numberOfTargets > 0 else {
      throw .invalidSetting(
        name: "mask.numberOfTargets", expected: "at least 1", found: "\(numberOfTargets)")
    }
    guard minimumKept > 0 else {
      throw .invalidSetting(
        name: "mask.minimumKept", expected: "at least 1", found: "\(minimumKept)")
    }
    for (range, name) in [(targetScale, "targetScale"), (contextScale, "contextScale")]
    where !(range.lowerBound > 0 && range.upperBound <= 1) {
      throw .invalidSetting(
        name: "mask.\(name)", expected: "a range above 0, at most 1", found: "\(range)")
    }
    guard targetAspectRatio.lowerBound > 0, targetAspectRatio.upperBound.isFinite else {
      throw .invalidSetting(
        name: "mask.targetAspectRatio", expected: "a range above 0", found: "\(targetAspectRatio)")
    }
    let targetSizes = sizes(targetScale, targetAspectRatio, grid: grid, mayFill: false)
    let smallest = targetSizes.min { $0.area < $1.area }!
    guard smallest.area >= minimumKept else {
      throw .impossibleMask(
        expected: "target blocks of at least minimumKept = \(minimumKept) tokens",
        found: "blocks of \(smallest) = \(smallest.area) on a grid of "
          + "\(grid.height)x\(grid.width); lower minimumKept or raise targetScale")
    }
    let largest = targetSizes.max { $0.area < $1.area }!
    let context = sizes(contextScale, 1...1, grid: grid, mayFill: true).min { $0.area < $1.area }!
    guard context.area - largest.area >= minimumKept else {
      throw .impossibleMask(
        expected: "contexts of at least minimumKept = \(minimumKept) tokens",
        found: "a context of \(context) = \(context.area) less a target of \(largest) = "
          + "\(largest.area) on a grid of \(grid.height)x\(grid.width); lower minimumKept or "
          + "targetScale, or raise contextScale")
    }
  }

  /// Draws the masks of `itemCount` pictures.
  ///
  /// - Precondition: `itemCount > 0`, and `validate(grid:)` does not throw.
  public func draw(
    itemCount: Int, grid: TokenGrid, using generator: inout SeededGenerator
  ) -> Batch {
    precondition(itemCount > 0, "masks for \(itemCount) pictures")
    let targetSize = Self.blockSize(
      scale: generator.uniform(in: targetScale),
      aspectRatio: generator.uniform(in: targetAspectRatio), grid: grid, mayFill: false)
    let contextSize = Self.blockSize(
      scale: generator.uniform(in: contextScale), aspectRatio: 1, grid: grid, mayFill: true)
    var contexts: [[Int64]] = []
    var targets: [Int64] = []
    targets.reserveCapacity(itemCount * numberOfTargets * targetSize.area)
    for _ in 0..<itemCount {
      let item = drawItem(
        targetSize: targetSize, contextSize: contextSize, grid: grid, using: &generator)
      contexts.append(item.context)
      targets.append(contentsOf: item.targets)
    }
    let length = contexts.lazy.map(\.count).min()!
    precondition(length >= minimumKept, "masks drawn on a grid that validate(grid:) refuses")
    var context: [Int64] = []
    context.reserveCapacity(itemCount * length)
    for var tokens in contexts {
      if tokens.count > length {
        generator.shuffle(&tokens)
        tokens.removeLast(tokens.count - length)
        tokens.sort()
      }
      context.append(contentsOf: tokens)
    }
    return Batch(
      itemCount: itemCount, targetCount: numberOfTargets, contextLength: length,
      targetLength: targetSize.area, context: context, targets: targets)
  }

  private func drawItem(
    targetSize: BlockSize, contextSize: BlockSize, grid: TokenGrid,
    using generator: inout SeededGenerator
  ) -> (context: [Int64], targets: [Int64]) {
    var targets: [Int64] = []
    for attempt in 1...Self.mostTries {
      targets.removeAll(keepingCapacity: true)
      var hidden = [Bool](repeating: false, count: grid.count)
      var block: [Int64] = []
      for target in 0..<numberOfTargets {
        if target == 0 || attempt < Self.mostTries {
          block = place(targetSize, grid: grid, using: &generator)
        }
        for token in block { hidden[Int(token)] = true }
        targets.append(contentsOf: block)
      }
      let context = place(contextSize, grid: grid, using: &generator).filter { !hidden[Int($0)] }
      if context.count >= minimumKept { return (context, targets) }
    }
    preconditionFailure("masks drawn on a grid that validate(grid:) refuses")
  }

  /// The tokens of a block at a random place.
  private func place(
    _ size: BlockSize, grid: TokenGrid, using generator: inout SeededGenerator
  ) -> [Int64] {
    let top = generator.index(below: grid.height - size.height + 1)
    let left = generator.index(below: grid.width - size.width + 1)
    var tokens: [Int64] = []
    tokens.reserveCapacity(size.area)
    for row in top..<top + size.height {
      for column in left..<left + size.width { tokens.append(Int64(row * grid.width + column)) }
    }
    return tokens
  }
}
