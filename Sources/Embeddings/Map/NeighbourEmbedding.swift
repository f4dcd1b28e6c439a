import Dispatch
import EnergyDescent
import Files
import Foundation
import Torch

/// t-SNE: a plane on which pictures are near each other that are near by embedding.
///
/// With p_ij from Gaussians about each point, as wide as gives `perplexity` neighbours, and q_ij from
/// Student's kernel between points y of the plane, it makes
///
///     KL(p || q) = sum_ij p_ij log(p_ij / q_ij)
///
/// small by gradient descent. van der Maaten and Hinton 2008, "Visualizing data using t-SNE"; the repulsion
/// is that of Barnes and Hut: van der Maaten 2014, "Accelerating t-SNE using tree-based algorithms".
/// Begun at the principal components (Kobak and Berens 2019), so that the same embeddings give the same
/// plane. Distances are those of the unit vectors that cosines are made of. Time grows with N log N, and
/// with N^2 for the search of neighbours.
struct NeighbourEmbedding {
  var perplexity = 30.0
  var iterations = 750
  /// How coarse far points are summed up; 0 is exact.
  var theta = 0.5
  var exaggeration = 12.0
  var exaggeratedIterations = 250

  /// The sparse symmetric p, row by row.
  struct Affinities {
    var starts: [Int]
    var columns: [Int]
    var values: [Double]

    var count: Int { starts.count - 1 }
  }

  /// Lays out N rows.
  ///
  /// - Parameters:
  ///   - search: the rows.
  ///   - embeddings: `[N, D]`, the same rows.
  ///   - beginning: N points, such as the first two principal components.
  ///   - progress: is told how far it is.
  /// - Returns: N points, centred.
  func callAsFunction(
    _ search: SimilaritySearch, embeddings: Tensor, from beginning: [SIMD2<Double>],
    progress: WorkProgress? = nil
  ) -> [SIMD2<Double>] {
    guard search.count > 3 else { return beginning }
    return descend(
      affinities(search, embeddings: embeddings, progress: progress),
      from: Self.scaled(beginning), progress: progress)
  }

  /// Points so near to each other that nothing is torn apart at first: a standard deviation of 1e-4.
  private static func scaled(_ points: [SIMD2<Double>]) -> [SIMD2<Double>] {
    let mean = points.reduce(.zero, +) / Double(points.count)
    let variance =
      points.reduce(0) { $0 + ($1.x - mean.x) * ($1.x - mean.x) } / Double(points.count)
    let scale = variance > 0 ? 1e-4 / variance.squareRoot() : 1
    return points.map { ($0 - mean) * scale }
  }

  // MARK: Affinities

  /// p_ij = (p_j|i + p_i|j) / 2N over the nearest 3 * perplexity neighbours.
  func affinities(
    _ search: SimilaritySearch, embeddings: Tensor, progress: WorkProgress? = nil
  ) -> Affinities {
    let count = search.count
    progress?.begin("t-SNE: searching neighbours", total: count, of: "rows")
    let perplexity = min(perplexity, Double(count - 1) / 3)
    let neighbours = min(count - 1, Int(3 * perplexity))
    var conditional = [[(column: Int, value: Double)]](repeating: [], count: count)
    for start in stride(from: 0, to: count, by: 1024) {
      let rows = start..<min(start + 1024, count)
      let matches = search.nearest(
        to: embeddings.slice(rows), top: neighbours, excluding: rows.map { $0 })
      for (row, matches) in zip(rows, matches) {
        // |a - b|^2 of unit vectors.
        let distances = matches.map { max(0, 2 - 2 * Double($0.similarity)) }
        let values = Self.conditional(distances, perplexity: perplexity)
        conditional[row] = zip(matches, values).map { ($0.row, $1) }
      }
      progress?.update(rows.upperBound)
    }
    var symmetric = [[Int: Double]](repeating: [:], count: count)
    for (row, entries) in conditional.enumerated() {
      for (column, value) in entries {
        symmetric[row][column, default: 0] += value / Double(2 * count)
        symmetric[column][row, default: 0] += value / Double(2 * count)
      }
    }
    var result = Affinities(starts: [0], columns: [], values: [])
    for row in symmetric {
      for (column, value) in row.sorted(by: { $0.key < $1.key }) {
        result.columns.append(column)
        result.values.append(value)
      }
      result.starts.append(result.columns.count)
    }
    return result
  }

  /// exp(-beta d_j) / sum, with the beta that makes the entropy log(perplexity).
  static func conditional(_ distances: [Double], perplexity: Double) -> [Double] {
    guard let least = distances.min() else { return [] }
    var (beta, low, high) = (1.0, 0.0, Double.infinity)
    var weights: [Double] = []
    for _ in 0..<64 {
      weights = distances.map { exp(-beta * ($0 - least)) }
      let sum = weights.reduce(0, +)
      let entropy =
        log(sum) + beta * zip(weights, distances).reduce(0) { $0 + $1.0 * ($1.1 - least) } / sum
      let error = entropy - log(perplexity)
      if abs(error) < 1e-5 { break }
      if error > 0 {
        low = beta
        beta = high.isFinite ? (beta + high) / 2 : beta * 2
      } else {
        high = beta
        beta = (low + beta) / 2
      }
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  // MARK: Descent

  /// Descends by `GainedMomentum`, the layout kept centred.
  func descend(
    _ p: Affinities, from beginning: [SIMD2<Double>], progress: WorkProgress? = nil
  ) -> [SIMD2<Double>] {
    func tensor(_ points: [SIMD2<Double>]) -> Tensor {
      Tensor(points.flatMap { [$0.x, $0.y] }, shape: [points.count, 2])
    }
    func points(_ tensor: Tensor) -> [SIMD2<Double>] {
      let numbers = tensor.array(of: Double.self)
      return (0..<tensor.size(0)).map { SIMD2(numbers[2 * $0], numbers[2 * $0 + 1]) }
    }
    let rule = GainedMomentum()
    let layout = tensor(beginning)
    // The usual least step of 50 tears small sets apart: of five draws of 60 points one kept twice the energy.
    let stepSize = max(Double(beginning.count) / exaggeration / 4, 20)
    progress?.begin("t-SNE", total: iterations)
    for iteration in 0..<iterations {
      progress?.update(iteration)
      let isEarly = iteration < exaggeratedIterations
      let gradient = gradient(p, at: points(layout), exaggeration: isEarly ? exaggeration : 1)
      rule.momentum = isEarly ? 0.5 : 0.8
      rule.update([layout], against: [tensor(gradient)], stepSize: stepSize)
      layout.accumulate(layout.mean(0), scale: -1)
    }
    return points(layout)
  }

  /// 4 sum_j (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2), q normalised over all pairs.
  func gradient(
    _ p: Affinities, at points: [SIMD2<Double>], exaggeration: Double = 1
  ) -> [SIMD2<Double>] {
    let tree = QuadTree(points)
    let theta = theta
    // Points do not depend on each other: pieces of one size give the same sums on any number of cores.
    let pieceSize = 256
    let pieces = (points.count + pieceSize - 1) / pieceSize
    var attraction = [SIMD2<Double>](repeating: .zero, count: points.count)
    var repulsion = attraction
    var weights = [Double](repeating: 0, count: points.count)
    attraction.withUnsafeMutableBufferPointer { attraction in
      repulsion.withUnsafeMutableBufferPointer { repulsion in
        weights.withUnsafeMutableBufferPointer { weights in
          nonisolated(unsafe) let (attraction, repulsion, weights) = (
            attraction, repulsion, weights
          )
          DispatchQueue.concurrentPerform(iterations: pieces) { piece in
            for row in piece * pieceSize..<min((piece + 1) * pieceSize, points.count) {
              let point = points[row]
              (repulsion[row], weights[row]) = tree.repulsion(of: point, theta: theta)
              var force = SIMD2<Double>.zero
              for entry in p.starts[row]..<p.starts[row + 1] {
                let difference = point - points[p.columns[entry]]
                force += p.values[entry] / (1 + (difference * difference).sum()) * difference
              }
              attraction[row] = force
            }
          }
        }
      }
    }
    // Each point has counted itself once.
    let total = weights.reduce(0, +) - Double(points.count)
    return points.indices.map {
      4 * (exaggeration * attraction[$0] - repulsion[$0] / max(total, 1e-300))
    }
  }
}
