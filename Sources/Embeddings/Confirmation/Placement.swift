/// Where the pixels of one picture lie in another: a point at `x`, `y` from the middle, in parts of the sides, lies at
/// `scaleX x + shiftX`, `scaleY y + shiftY` from the middle of the other.
struct Placement: Equatable {
  var scaleX: Float
  var scaleY: Float
  var shiftX: Float
  var shiftY: Float
  /// Whether left and right are exchanged first.
  var isMirrored: Bool

  private static let scales: ClosedRange<Float> = 0.7...1.45
  private static let shifts: ClosedRange<Float> = -0.25...0.25
  /// The longest step of one parameter.
  private static let longestStep: Float = 0.08

  /// Moves by a step, and stays within what is looked for.
  mutating func move(_ step: SIMD4<Float>) {
    let longest = SIMD4(repeating: Self.longestStep)
    let step = step.clamped(lowerBound: -longest, upperBound: longest)
    scaleX = (scaleX + step.x).clamped(to: Self.scales)
    scaleY = (scaleY + step.y).clamped(to: Self.scales)
    shiftX = (shiftX + step.z).clamped(to: Self.shifts)
    shiftY = (shiftY + step.w).clamped(to: Self.shifts)
  }

  /// Whether both lead to the same place, nearly.
  func isNear(_ other: Placement) -> Bool {
    isMirrored == other.isMirrored
      && abs(scaleX - other.scaleX) + abs(scaleY - other.scaleY) + abs(shiftX - other.shiftX)
        + abs(shiftY - other.shiftY) < 0.02
  }

  /// Where the middle of pixel `x` of `side` lies, in pixels of the other.
  func column(_ x: Int, of side: Float) -> Float {
    (((Float(x) + 0.5) / side - 0.5) * scaleX + shiftX + 0.5) * side - 0.5
  }

  /// Where the middle of pixel `y` of `side` lies, in pixels of the other.
  func row(_ y: Int, of side: Float) -> Float {
    (((Float(y) + 0.5) / side - 0.5) * scaleY + shiftY + 0.5) * side - 0.5
  }
}

extension Float {
  fileprivate func clamped(to range: ClosedRange<Float>) -> Float {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
