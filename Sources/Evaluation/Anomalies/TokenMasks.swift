import Files
import ImageJEPA
import Torch

/// Masks that hide each token of a grid equally often, the same ones for every picture.
///
/// A round cuts the grid into blocks of a quarter of its side, from an offset that is drawn, and deals them out to
/// four masks: each hides about a quarter of the tokens, and each token is hidden once a round. So a token is
/// predicted from other surroundings each time, but never from its own block.
struct TokenMasks {
  /// Of each mask the tokens that it hides, ascending.
  let hidden: [[Int64]]
  /// How often each token is hidden.
  let rounds: Int

  private static let masksOfRound = 4

  /// - Parameter seed: fixes offsets and the deal.
  /// - Returns: nil for a grid of a single token, which nothing could be predicted from.
  init?(_ grid: TokenGrid, rounds: Int, seed: UInt64) {
    guard grid.count > 1 else { return nil }
    self.rounds = rounds
    hidden = (0..<rounds).flatMap { round in
      var generator = SeededGenerator(seed: seed, UInt64(round))
      var blocks = Self.blocks(of: grid, using: &generator)
      generator.shuffle(&blocks)
      let count = min(Self.masksOfRound, blocks.count)
      return (0..<count).map { mask in
        stride(from: mask, to: blocks.count, by: count).flatMap { blocks[$0] }.sorted()
      }
    }
  }

  /// As tensors, int64 `[m]` each.
  var tensors: [Tensor] { hidden.map { Tensor($0) } }

  /// Blocks that cover the grid once; those at its edges may be smaller.
  private static func blocks(
    of grid: TokenGrid, using generator: inout SeededGenerator
  ) -> [[Int64]] {
    func edges(_ length: Int) -> [Range<Int>] {
      let side = max(1, length / 4)
      let offset = generator.index(below: side)
      let starts = [0] + stride(from: offset, to: length, by: side).filter { $0 > 0 }
      return zip(starts, starts.dropFirst() + [length]).map { $0..<$1 }
    }
    let (rows, columns) = (edges(grid.height), edges(grid.width))
    return rows.flatMap { rows in
      columns.map { columns in
        rows.flatMap { row in columns.map { Int64(row * grid.width + $0) } }
      }
    }
  }
}
