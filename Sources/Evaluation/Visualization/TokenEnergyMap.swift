import Foundation
import ImageJEPA
import Torch

/// Where in a picture prediction fails: blocks are hidden in turn, and predicted from the rest.
///
/// A block is a quarter of the grid a side and moves by half of itself; a token's energy is the mean error
/// of the blocks that hid it. What is hidden is removed before the encoder sees it, so that a high energy is
/// a place that does not follow from what is around it.
struct TokenEnergyMap {
  /// One energy for each token, row by row.
  let energies: [Float]

  /// - Parameter picture: `[1, 3, S, S]`, normalised.
  /// - Returns: nil where the method predicts nothing.
  init?(of picture: Tensor, method: any TrainingMethod, grid: TokenGrid) {
    let blocks = Self.blocks(grid)
    var sums = [Float](repeating: 0, count: grid.count)
    var counts = sums
    for start in stride(from: 0, to: blocks.count, by: 64) {
      let chunk = blocks[start..<min(start + 64, blocks.count)]
      let hidden = Tensor(
        chunk.flatMap { $0.map(Int64.init) }, shape: [chunk.count, chunk[start].count])
      let pictures = picture.expanded(chunk.count, -1, -1, -1)
      guard
        let errors = method.tokenErrors(
          of: pictures, hiding: hidden.to(device: picture.device))
      else { return nil }
      let values = errors.to(.float32, device: .cpu).contiguous().array(of: Float.self)
      for (token, error) in zip(chunk.joined(), values) {
        sums[token] += error
        counts[token] += 1
      }
    }
    energies = zip(sums, counts).map { $0 / max($1, 1) }
  }

  var least: Float { energies.min() ?? 0 }
  var greatest: Float { energies.max() ?? 0 }

  /// The energies from 0 for the least to 1 for the greatest.
  var relative: [Float] {
    let range = greatest - least
    return energies.map { range > 0 ? ($0 - least) / range : 0 }
  }

  /// The tokens of each block; together they cover the grid.
  static func blocks(_ grid: TokenGrid) -> [[Int]] {
    func starts(_ length: Int) -> (side: Int, starts: [Int]) {
      let side = max(1, length / 4)
      let last = length - side
      let step = max(1, side / 2)
      return (side, Array(stride(from: 0, to: last, by: step)) + [last])
    }
    let (height, tops) = starts(grid.height)
    let (width, lefts) = starts(grid.width)
    return tops.flatMap { top in
      lefts.map { left in
        (top..<top + height).flatMap { row in
          (left..<left + width).map { row * grid.width + $0 }
        }
      }
    }
  }
}
