import Foundation

/// The tokens of one frame, `count` rows of `width` numbers.
public struct TokenFrame: Sendable, Equatable {
  public let tokens: [Float]
  public let count: Int
  public let width: Int

  /// - Precondition: `tokens.count == count * width`, both positive.
  public init(_ tokens: [Float], count: Int, width: Int) {
    precondition(
      count > 0 && width > 0 && tokens.count == count * width,
      "\(tokens.count) numbers for \(count) tokens of \(width)")
    self.tokens = tokens
    self.count = count
    self.width = width
  }

  /// How many of the tokens that differ most `FrameDistance.top` is the mean of.
  public static let topTokenCount = 4

  /// The root mean square difference of each token, its mean over all tokens and over the four that
  /// differ most.
  ///
  /// - Precondition: both have one shape.
  public func distance(to other: TokenFrame) -> FrameDistance {
    let errors = squaredErrors(to: other).map { sqrt($0) }
    let top = errors.sorted(by: >).prefix(Self.topTokenCount)
    return FrameDistance(
      mean: errors.reduce(0, +) / Double(count), top: top.reduce(0, +) / Double(top.count))
  }

  /// The error of predicting these tokens by `other`, for each token: the mean square difference.
  ///
  /// - Precondition: both have one shape.
  public func squaredErrors(to other: TokenFrame) -> [Double] {
    precondition(
      count == other.count && width == other.width,
      "\(count)x\(width) tokens and \(other.count)x\(other.width)")
    return tokens.withUnsafeBufferPointer { a in
      other.tokens.withUnsafeBufferPointer { b in
        (0..<count).map { token in
          var sum: Float = 0
          for i in token * width..<(token + 1) * width { sum += (a[i] - b[i]) * (a[i] - b[i]) }
          return Double(sum) / Double(width)
        }
      }
    }
  }

  /// The cosine between both frames' mean tokens, -1...1; 1 where one of them is zero.
  ///
  /// - Precondition: both have one width.
  public func cosine(to other: TokenFrame) -> Double {
    precondition(width == other.width, "tokens of width \(width) and \(other.width)")
    let (a, b) = (mean, other.mean)
    var (product, squareA, squareB) = (0.0, 0.0, 0.0)
    for i in 0..<width {
      product += a[i] * b[i]
      squareA += a[i] * a[i]
      squareB += b[i] * b[i]
    }
    let scale = (squareA * squareB).squareRoot()
    return scale > 0 ? min(1, max(-1, product / scale)) : 1
  }

  private var mean: [Double] {
    var sums = [Double](repeating: 0, count: width)
    for token in 0..<count {
      for i in 0..<width { sums[i] += Double(tokens[token * width + i]) }
    }
    return sums.map { $0 / Double(count) }
  }
}

/// What the tokens of one frame say about how it fits its neighbours, without any prediction; nil
/// where a neighbour is missing.
public struct TokenStatistics: Sendable, Equatable {
  /// The error of predicting the frame's tokens by those of the frame before: the mean square
  /// difference over all tokens.
  public var copyLast: Double?
  /// The same over the four tokens with the greatest error.
  public var copyLastTop: Double?
  /// 1 - cosine between the mean tokens of this frame and of the one before, 0...2.
  public var cosineDistance: Double?
  /// The distances among the three frames before and the three from this one on.
  public var transition: TransitionDistances?

  /// Each number by its name in tables, but those of `transition`.
  var values: [(statistic: Statistic, value: Double?)] {
    [
      (.copyLast(.mean), copyLast), (.copyLast(.top), copyLastTop),
      (.cosineDistance, cosineDistance),
    ]
  }
}

/// Computes `TokenStatistics` from a stream of token frames, two frames late.
public struct TokenStatisticsStream {
  private var window = TransitionWindow<TokenFrame> { $0.distance(to: $1) }
  private var pending: [TokenStatistics] = []

  public init() {}

  /// Takes the tokens of the next frame; gives the statistics of the frame two before.
  ///
  /// - Precondition: all frames have one shape.
  public mutating func push(_ frame: TokenFrame) -> TokenStatistics? {
    var statistics = TokenStatistics()
    if let before = window.frames.last {
      let errors = frame.squaredErrors(to: before)
      let top = errors.sorted(by: >).prefix(TokenFrame.topTokenCount)
      statistics.copyLast = errors.reduce(0, +) / Double(errors.count)
      statistics.copyLastTop = top.reduce(0, +) / Double(top.count)
      statistics.cosineDistance = 1 - frame.cosine(to: before)
    }
    pending.append(statistics)
    let transition = window.push(frame)
    guard pending.count == TransitionDistances.reach else { return nil }
    var finished = pending.removeFirst()
    finished.transition = transition
    return finished
  }

  /// The statistics of the last two frames, and a stream that can begin anew.
  public mutating func finish() -> [TokenStatistics] {
    defer { self = TokenStatisticsStream() }
    return pending
  }
}
