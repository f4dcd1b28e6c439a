import Foundation

/// A number that changes over the course of a descent: step size, weight decay, teacher momentum.
///
/// It depends on the progress, 0 at the start and 1 at the end, so that it serves descents bounded by
/// steps, epochs or minutes alike.
public struct Schedule: Codable, Sendable, Equatable {
  /// The way from the peak to the end.
  public enum Shape: String, Codable, Sendable, CaseIterable {
    case constant
    case linear
    case cosine
    /// The peak for the first 60 % of the way, then linear: a run can go on from before the decay.
    /// Hägele et al. 2024, arXiv:2405.18392.
    case trapezoid
  }

  /// The value after the warm-up.
  public var peak: Double
  /// The value at the end.
  public var end: Double
  /// The part of the course, 0…1, over which the value rises linearly from 0 to the peak.
  public var warmup: Double
  public var shape: Shape

  public init(peak: Double, end: Double = 0, warmup: Double = 0, shape: Shape = .cosine) {
    self.peak = peak
    self.end = end
    self.warmup = warmup
    self.shape = shape
  }

  /// The same value throughout.
  public static func constant(_ value: Double) -> Schedule {
    Schedule(peak: value, end: value, shape: .constant)
  }

  /// The value at `progress`, 0…1.
  public func value(at progress: Double) -> Double {
    let progress = min(max(progress, 0), 1)
    if progress < warmup { return peak * progress / warmup }
    let rest = warmup < 1 ? (progress - warmup) / (1 - warmup) : 1
    switch shape {
    case .constant: return peak
    case .linear: return peak + (end - peak) * rest
    case .trapezoid: return peak + (end - peak) * max(0, rest - 0.6) / 0.4
    case .cosine: return end + (peak - end) * (1 + cos(.pi * rest)) / 2
    }
  }
}
