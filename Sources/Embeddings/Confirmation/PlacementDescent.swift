/// Gauss-Newton steps towards the placement at which two pictures differ least.
struct PlacementDescent {
  private let reference: UnsafePointer<Float>
  private let other: UnsafePointer<Float>
  private let side: Int

  private static let mostSteps = 5
  /// Steps that move no pixel by more end the descent.
  private static let settled: Float = 0.02
  /// How strongly both scales are held together, as a share of the mean curvature: no copy is stretched by much.
  private static let stiffness: Float = 0.5
  private static let damping: Float = 1e-3

  /// - Parameters:
  ///   - reference: `side * side` values.
  ///   - other: the same of the picture that is placed.
  init(_ reference: UnsafePointer<Float>, _ other: UnsafePointer<Float>, side: Int) {
    self.reference = reference
    self.other = other
    self.side = side
  }

  /// Takes up to five steps.
  func refine(_ placement: inout Placement) {
    for _ in 0..<Self.mostSteps {
      let step = normalEquations(at: placement).solution / Float(side)
      placement.move(step)
      let longest = max(abs(step.x), abs(step.y), abs(step.z), abs(step.w))
      if longest * Float(side) < Self.settled { return }
    }
  }

  /// The least squares of the differences, each weighted by 1 / (1 + 2 e^2)^2: what differs much, such as a caption,
  /// counts little.
  private func normalEquations(at placement: Placement) -> NormalEquations {
    let (size, last) = (Float(side), Float(side - 1))
    // Sums of products of the gradient across (g), down (h) and the difference (e); the number is the power of x.
    var (gg0, gg1, gg2, hh0, hh1, hh2): (Float, Float, Float, Float, Float, Float) = (
      0, 0, 0, 0, 0, 0
    )
    var (gh, ghx, ghy, ghxy, ge, gex, he, hey):
      (Float, Float, Float, Float, Float, Float, Float, Float) =
        (0, 0, 0, 0, 0, 0, 0, 0)
    for row in 0..<side {
      let v = placement.row(row, of: size)
      guard v >= 0, v <= last else { continue }
      let y = (Float(row) + 0.5) / size - 0.5
      let top = min(Int(v), side - 2)
      let down = v - Float(top)
      let (upper, lower) = (reference + top * side, reference + (top + 1) * side)
      let values = other + row * side
      var (a0, a1, a2, b0, b1, c0, d0, d1, d2):
        (Float, Float, Float, Float, Float, Float, Float, Float, Float) =
          (0, 0, 0, 0, 0, 0, 0, 0, 0)
      for column in 0..<side {
        let u = placement.column(column, of: size)
        guard u >= 0, u <= last else { continue }
        let x = (Float(column) + 0.5) / size - 0.5
        let left = min(Int(u), side - 2)
        let right = u - Float(left)
        let (above, below) = (upper[left + 1] - upper[left], lower[left + 1] - lower[left])
        let (first, second) = (upper[left] + above * right, lower[left] + below * right)
        let across = above + (below - above) * down
        let along = second - first
        let difference = values[column] - (first + along * down)
        let trust = 1 / (1 + 2 * difference * difference)
        let weight = trust * trust
        let (g, h) = (weight * across, weight * along)
        a0 += g * across
        a1 += g * across * x
        a2 += g * across * x * x
        b0 += g * along
        b1 += g * along * x
        c0 += h * along
        d0 += g * difference
        d1 += g * difference * x
        d2 += h * difference
      }
      gg0 += a0
      gg1 += a1
      gg2 += a2
      gh += b0
      ghx += b1
      ghy += b0 * y
      ghxy += b1 * y
      hh0 += c0
      hh1 += c0 * y
      hh2 += c0 * y * y
      ge += d0
      gex += d1
      he += d2
      hey += d2 * y
    }
    var equations = NormalEquations(
      columns: (
        SIMD4(gg2, ghxy, gg1, ghx), SIMD4(ghxy, hh2, ghy, hh1), SIMD4(gg1, ghy, gg0, gh),
        SIMD4(ghx, hh1, gh, hh0)
      ), right: SIMD4(gex, hey, ge, he))
    let curvature = (gg2 + hh2 + gg0 + hh0) / 4
    equations.damp(by: curvature * Self.damping + 1e-6)
    equations.holdTogether(
      by: curvature * Self.stiffness, gap: (placement.scaleX - placement.scaleY) * size)
    return equations
  }
}

/// Four linear equations with a symmetric matrix: for the scales and the shifts, in pixels.
private struct NormalEquations {
  var columns: (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>)
  var right: SIMD4<Float>

  mutating func damp(by value: Float) {
    columns.0.x += value
    columns.1.y += value
    columns.2.z += value
    columns.3.w += value
  }

  /// Adds the energy `strength / 2 (scaleX - scaleY)^2`.
  mutating func holdTogether(by strength: Float, gap: Float) {
    columns.0.x += strength
    columns.0.y -= strength
    columns.1.x -= strength
    columns.1.y += strength
    right.x -= strength * gap
    right.y += strength * gap
  }

  /// By elimination; the matrix is positive definite once it is damped.
  var solution: SIMD4<Float> {
    var rows = [columns.0, columns.1, columns.2, columns.3]
    var right = right
    for pivot in 0..<4 {
      for row in 0..<4 where row != pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        rows[row] -= factor * rows[pivot]
        right[row] -= factor * right[pivot]
      }
    }
    return SIMD4(
      right.x / rows[0].x, right.y / rows[1].y, right.z / rows[2].z, right.w / rows[3].w)
  }
}
