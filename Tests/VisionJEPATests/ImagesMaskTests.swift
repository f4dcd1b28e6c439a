import Files
import Foundation
import Testing
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

@Suite struct ImagesMaskTests {
  @Test func masksAreValidOnEveryGrid() throws {
    let mask = MultiBlockMask()
    for grid in [
      TokenGrid(height: 8, width: 8), TokenGrid(height: 14, width: 14),
      TokenGrid(height: 6, width: 10), TokenGrid(height: 16, width: 16),
      TokenGrid(height: 7, width: 7),
    ] {
      try mask.validate(grid: grid)
      for seed in 0..<200 {
        var generator = SeededGenerator(seed: UInt64(seed))
        let batch = mask.draw(itemCount: 5, grid: grid, using: &generator)
        check(batch, mask: mask, grid: grid)
      }
    }
  }

  private func check(_ batch: MultiBlockMask.Batch, mask: MultiBlockMask, grid: TokenGrid) {
    #expect(batch.context.count == batch.itemCount * batch.contextLength)
    #expect(batch.targets.count == batch.itemCount * batch.targetCount * batch.targetLength)
    #expect(batch.contextLength >= mask.minimumKept && batch.targetLength >= mask.minimumKept)
    for item in 0..<batch.itemCount {
      let context = batch.context[item * batch.contextLength..<(item + 1) * batch.contextLength]
      let length = batch.targetCount * batch.targetLength
      let targets = batch.targets[item * length..<(item + 1) * length]
      #expect(Set(context).count == context.count)
      #expect(Set(context).isDisjoint(with: targets))
      #expect(context.allSatisfy { $0 >= 0 && $0 < grid.count })
      #expect(targets.allSatisfy { $0 >= 0 && $0 < grid.count })
      #expect(Array(context) == context.sorted())
      for block in 0..<batch.targetCount {
        let start = targets.startIndex + block * batch.targetLength
        let tokens = targets[start..<start + batch.targetLength]
        let rows = Set(tokens.map { Int($0) / grid.width })
        let columns = Set(tokens.map { Int($0) % grid.width })
        #expect(Set(tokens).count == tokens.count && rows.count * columns.count == tokens.count)
        #expect(rows.max()! - rows.min()! + 1 == rows.count)
        #expect(columns.max()! - columns.min()! + 1 == columns.count)
      }
    }
  }

  /// The published setting, which draws for ever on this grid.
  @Test func thePublishedMinimumIsRefusedOnASmallGrid() {
    let published = MultiBlockMask(minimumKept: 10)
    #expect(
      throws: ImageError.impossibleMask(
        expected: "target blocks of at least minimumKept = 10 tokens",
        found: "blocks of 4x2 = 8 on a grid of 8x8; lower minimumKept or raise targetScale")
    ) { try published.validate(grid: TokenGrid(height: 8, width: 8)) }
    #expect(throws: Never.self) {
      try published.validate(grid: TokenGrid(height: 14, width: 14))
    }
  }

  @Test func impossibleMasksSayWhatIsWrong() {
    let grid = TokenGrid(height: 4, width: 4)
    #expect(throws: ImageError.self) { try MultiBlockMask().validate(grid: grid) }
    #expect(throws: ImageError.self) {
      try MultiBlockMask(targetScale: 0.8...0.9, minimumKept: 9).validate(grid: grid)
    }
    #expect(throws: ImageError.self) { try MultiBlockMask(numberOfTargets: 0).validate(grid: grid) }
    #expect(throws: ImageError.self) {
      try MultiBlockMask().validate(grid: TokenGrid(height: 0, width: 4))
    }
  }

  /// Whatever `validate` accepts can be drawn, however narrow.
  @Test func whatIsAcceptedCanBeDrawn() {
    var generator = SeededGenerator(seed: 9)
    var accepted = 0
    for _ in 0..<400 {
      let low = 0.05 + 0.3 * generator.uniform()
      let mask = MultiBlockMask(
        numberOfTargets: 1 + generator.index(below: 8),
        targetScale: low...low + 0.3 * generator.uniform(),
        targetAspectRatio: (0.3 + 0.5 * generator.uniform())...(1 + 2 * generator.uniform()),
        contextScale: (0.3 + 0.5 * generator.uniform())...1,
        minimumKept: 1 + generator.index(below: 12))
      let grid = TokenGrid(
        height: 1 + generator.index(below: 10), width: 1 + generator.index(below: 10))
      guard (try? mask.validate(grid: grid)) != nil else { continue }
      accepted += 1
      for _ in 0..<10 {
        check(mask.draw(itemCount: 3, grid: grid, using: &generator), mask: mask, grid: grid)
      }
    }
    #expect(accepted > 20)
  }

  /// Contexts are cut to a common length without favour: no row is left out more than its mirror.
  @Test func cuttingFavoursNoRow() {
    let mask = MultiBlockMask(contextScale: 1...1)
    let grid = TokenGrid(height: 8, width: 8)
    var rows = [Int](repeating: 0, count: 8)
    for seed in 0..<400 {
      var generator = SeededGenerator(seed: UInt64(seed))
      for token in mask.draw(itemCount: 16, grid: grid, using: &generator).context {
        rows[Int(token) / 8] += 1
      }
    }
    for row in 0..<4 {
      let ratio = Double(rows[row]) / Double(rows[7 - row])
      #expect(ratio > 0.9 && ratio < 1.1, "row \(row): \(rows)")
    }
  }

  @Test func theSeedFixesTheMasks() {
    let grid = TokenGrid(height: 8, width: 8)
    var (one, other) = (SeededGenerator(seed: 1, 5), SeededGenerator(seed: 1, 5))
    #expect(
      MultiBlockMask().draw(itemCount: 4, grid: grid, using: &one)
        == MultiBlockMask().draw(itemCount: 4, grid: grid, using: &other))
  }
}
