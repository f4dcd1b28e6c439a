/// Tells where one shot ends and the next begins, in small frames that pass one by one.
///
/// The mean absolute difference of neighbouring frames is a cut's where it is at least `leastDifference`
/// grey levels and at least `leastRatio` times the median of the four before and the four after: motion,
/// however fast, goes on for more than one frame.
struct ShotSplitter {
  static let leastDifference: Float = 10
  static let leastRatio: Float = 4
  static let reach = 4

  private var previous: [UInt8]?
  private var differences: [Float] = []

  /// Takes the next frame.
  mutating func append(_ frame: [UInt8]) {
    if let previous { differences.append(Self.difference(previous, frame)) }
    previous = frame
  }

  /// The places of the first frames of new shots, among the frames so far.
  var cuts: [Int] {
    differences.indices.filter { place in
      let value = differences[place]
      guard value >= Self.leastDifference else { return false }
      let around = (max(0, place - Self.reach)...min(differences.count - 1, place + Self.reach))
        .filter { $0 != place }.map { differences[$0] }.sorted()
      guard !around.isEmpty else { return false }
      return value >= Self.leastRatio * around[around.count / 2]
    }.map { $0 + 1 }
  }

  private static func difference(_ left: [UInt8], _ right: [UInt8]) -> Float {
    var sum: UInt32 = 0
    left.withUnsafeBufferPointer { left in
      right.withUnsafeBufferPointer { right in
        for place in 0..<left.count {
          sum &+= UInt32(abs(Int32(left[place]) - Int32(right[place])))
        }
      }
    }
    return Float(sum) / Float(left.count)
  }
}
