/// How far a run is, over all its sessions.
public struct RunProgress: Codable, Equatable, Sendable {
  /// Finished optimizer steps.
  public var step: Int
  /// Times that every item was drawn once, with fraction.
  public var epoch: Double
  /// Seconds of training, those of earlier sessions included.
  public var seconds: Double

  public init(step: Int = 0, epoch: Double = 0, seconds: Double = 0) {
    self.step = step
    self.epoch = epoch
    self.seconds = seconds
  }
}

/// How long a run trains: in a configuration exactly one of `epochs`, `steps` and `minutes`.
public enum RunDuration: ExclusiveConfiguration, Equatable, Sendable {
  /// Times over all items, above 0.
  case epochs(Double)
  /// Optimizer steps, at least 1.
  case steps(Int)
  /// Minutes of training, sessions added up, above 0.
  case minutes(Double)

  /// The part of the run that is done, 0 … 1: what schedules are given.
  public func fraction(at progress: RunProgress) -> Double {
    switch self {
    case .epochs(let epochs): min(1, max(0, progress.epoch / epochs))
    case .steps(let steps): min(1, max(0, Double(progress.step) / Double(steps)))
    case .minutes(let minutes): min(1, max(0, progress.seconds / (60 * minutes)))
    }
  }

  /// Whether the run is done.
  public func isOver(at progress: RunProgress) -> Bool { fraction(at: progress) >= 1 }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case epochs, steps, minutes
  }

  /// - Throws: `DecodingError.dataCorrupted` unless exactly one duration is set and is positive.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let epochs = try container.decodeIfPresent(Double.self, forKey: .epochs).map(Self.epochs)
    let steps = try container.decodeIfPresent(Int.self, forKey: .steps).map(Self.steps)
    let minutes = try container.decodeIfPresent(Double.self, forKey: .minutes).map(Self.minutes)
    let set = [epochs, steps, minutes].compactMap { $0 }
    guard set.count == 1, let duration = set.first else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription: "expected exactly one of epochs, steps and minutes, found \(set.count)"
        ))
    }
    guard duration.isPositive else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription: "expected a duration above 0, found \(duration)"))
    }
    self = duration
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    for key in CodingKeys.allCases {
      switch (self, key) {
      case (.epochs(let epochs), .epochs): try container.encode(epochs, forKey: key)
      case (.steps(let steps), .steps): try container.encode(steps, forKey: key)
      case (.minutes(let minutes), .minutes): try container.encode(minutes, forKey: key)
      default: try container.encodeNil(forKey: key)
      }
    }
  }

  private var isPositive: Bool {
    switch self {
    case .epochs(let amount), .minutes(let amount): amount > 0 && amount.isFinite
    case .steps(let steps): steps > 0
    }
  }
}

extension RunDuration: CustomStringConvertible {
  public var description: String {
    switch self {
    case .epochs(let epochs): "\(epochs.compact) \(epochs == 1 ? "epoch" : "epochs")"
    case .steps(let steps): "\(steps) steps"
    case .minutes(let minutes): "\(minutes.compact) minutes"
    }
  }
}

extension Double {
  /// Without a fraction where it is whole.
  fileprivate var compact: String { Int(exactly: self).map(String.init) ?? description }
}
