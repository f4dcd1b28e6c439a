import Foundation

/// Points of a plane in nested squares, so that far ones can be summed up by their square.
///
/// Reference: Barnes and Hut 1986, "A hierarchical O(N log N) force-calculation algorithm".
struct QuadTree {
  private struct Node {
    /// The sum of the points' coordinates, and their number.
    var sum: SIMD2<Double> = .zero
    var count = 0
    /// The first of four children; 0 where there are none.
    var child = 0
    var centre: SIMD2<Double>
    var halfSide: Double
  }

  private var nodes: [Node]
  /// Points nearer to each other than the root's side over 2^this stay in one leaf.
  private static let greatestDepth = 40

  init(_ points: [SIMD2<Double>]) {
    var (low, high) = (points.first ?? .zero, points.first ?? .zero)
    for point in points {
      low = pointwiseMin(low, point)
      high = pointwiseMax(high, point)
    }
    let size = high - low
    let root = Node(
      centre: (low + high) / 2, halfSide: max(size.x, size.y) / 2 * 1.000_001 + 1e-300)
    nodes = [root]
    nodes.reserveCapacity(2 * points.count)
    for point in points { insert(point) }
  }

  private mutating func insert(_ point: SIMD2<Double>) {
    var (index, depth) = (0, 0)
    while true {
      let node = nodes[index]
      nodes[index].sum += point
      nodes[index].count += 1
      if node.count == 0 || (node.child == 0 && depth == Self.greatestDepth) { return }
      if node.child == 0 {
        split(index)
        // The point that was here alone moves into the child that it lies in.
        let only = node.sum / Double(node.count)
        let child = nodes[index].child + Self.quadrant(of: only, around: node.centre)
        nodes[child].sum = node.sum
        nodes[child].count = node.count
      }
      index = nodes[index].child + Self.quadrant(of: point, around: node.centre)
      depth += 1
    }
  }

  private mutating func split(_ index: Int) {
    let (centre, half) = (nodes[index].centre, nodes[index].halfSide / 2)
    nodes[index].child = nodes.count
    for quadrant in 0..<4 {
      let offset = SIMD2(quadrant & 1 == 0 ? -half : half, quadrant & 2 == 0 ? -half : half)
      nodes.append(Node(centre: centre + offset, halfSide: half))
    }
  }

  private static func quadrant(of point: SIMD2<Double>, around centre: SIMD2<Double>) -> Int {
    (point.x >= centre.x ? 1 : 0) + (point.y >= centre.y ? 2 : 0)
  }

  /// The repulsion of a point by all others under Student's kernel q(d) = 1 / (1 + d^2):
  ///
  ///     force = sum_j q(d_j)^2 (y - y_j)        weight = sum_j q(d_j)
  ///
  /// - Parameter theta: a square whose side is less than theta times its distance counts as one point;
  ///   0 sums up every point by itself. The point itself adds 1 to `weight` where it is in the tree.
  func repulsion(
    of point: SIMD2<Double>, theta: Double
  ) -> (force: SIMD2<Double>, weight: Double) {
    var (force, weight) = (SIMD2<Double>.zero, 0.0)
    nodes.withUnsafeBufferPointer { nodes in
      // Three siblings wait at each depth at most.
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 4 * (Self.greatestDepth + 2)) { stack in
        stack[0] = 0
        var top = 1
        while top > 0 {
          top -= 1
          let index = stack[top]
          guard nodes[index].count > 0 else { continue }
          let count = Double(nodes[index].count)
          let difference = point - nodes[index].sum / count
          let distance = (difference * difference).sum()
          let side = 2 * nodes[index].halfSide
          if nodes[index].child == 0 || side * side < theta * theta * distance {
            let kernel = 1 / (1 + distance)
            weight += count * kernel
            force += count * kernel * kernel * difference
          } else {
            for quadrant in 0..<4 { stack[top + quadrant] = nodes[index].child + quadrant }
            top += 4
          }
        }
      }
    }
    return (force, weight)
  }
}
