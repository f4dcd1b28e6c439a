import VideoJEPA

/// A rule that knows one thing: a pixel difference far above, or below, what is usual.
public func sampleRule(threshold: Float = 3) -> ConsistencyRule {
  var weights = [[Float]](repeating: [0, 0, 0], count: 1 + BreakKind.allCases.count)
  weights[1 + BreakKind.allCases.firstIndex(of: .cut)!] = [0, 4, 0]
  weights[1 + BreakKind.allCases.firstIndex(of: .duplicate)!] = [0, 0, 4]
  return ConsistencyRule(
    inputs: [
      ConsistencyRule.Input(
        feature: .ratio(statistic: .pixelDifference(.mean), offset: 0), mean: 0, deviation: 0.5)
    ], weights: weights,
    biases: [0] + [Float](repeating: -4, count: BreakKind.allCases.count), threshold: threshold,
    cleanFrames: 1000, cleanAlarms: 1)
}
