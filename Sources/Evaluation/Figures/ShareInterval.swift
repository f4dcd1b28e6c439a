/// Where a share lies, with 95 % confidence, that was found among so many items: Wilson's interval.
///
/// `(p + z^2 / 2n ± z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)` with z = 1.96. Unlike
/// `p ± sqrt(p (1 - p) / n)` it says something of few items: 6 of 6 may well be 61 %.
///
/// Reference: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
public struct ShareInterval: Codable, Equatable, Sendable {
  /// The least share that is likely, 0 to 1.
  public let low: Double
  /// The greatest, 0 to 1.
  public let high: Double

  /// The normal distribution's quantile that leaves 2.5 % on either side.
  private static let z = 1.959964

  /// - Precondition: `count` is 1 or more.
  public init(of share: Double, count: Int) {
    precondition(count >= 1, "expected 1 item or more, found \(count)")
    let (n, z) = (Double(count), Self.z)
    let centre = share + z * z / (2 * n)
    let reach = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    low = max(0, (centre - reach) / (1 + z * z / n))
    high = min(1, (centre + reach) / (1 + z * z / n))
  }
}

/// How far one share is above another, with its 95 % interval.
///
/// The interval is Newcombe's, from Wilson's of each share. It takes the two for independent; those
/// of two encoders on the same items go up and down together, so that it is rather too wide.
///
/// Reference: Newcombe 1998, "Interval estimation for the difference between independent
/// proportions", method 10.
struct ShareDifference {
  /// What the interval shows.
  enum Standing: CaseIterable {
    case above, level, below
  }

  let value: Double
  let low: Double
  let high: Double

  init(_ p: Double, above q: Double, count: Int) {
    let (first, second) = (ShareInterval(of: p, count: count), ShareInterval(of: q, count: count))
    func length(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }
    value = p - q
    low = value - length(p - first.low, second.high - q)
    high = value + length(first.high - p, q - second.low)
  }

  /// Level where the interval holds 0.
  var standing: Standing { low > 0 ? .above : high < 0 ? .below : .level }
}
