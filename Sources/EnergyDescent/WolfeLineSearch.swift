import Foundation
import Torch

/// Finds how far to go along a direction: where the value fell enough and the slope flattened.
///
/// With `phi(t)` the value at `x + t d`, a step is good when `phi(t) <= phi(0) + 1e-4 t phi'(0)` and
/// `|phi'(t)| <= 0.9 |phi'(0)|` (the strong Wolfe conditions). Near the minimum the first one compares
/// rounding errors; values within `valueNoise` count as equal there.
///
/// Reference: Nocedal and Wright 2006, "Numerical optimization", algorithms 3.5 and 3.6, equation 3.59.
struct WolfeLineSearch {
  /// A point on the line.
  struct Trial {
    let step: Double
    let value: Double
    let slope: Double
    let point: Tensor
    let gradient: Tensor
  }

  /// The absolute rounding error of a value.
  let valueNoise: Double

  private static let sufficientDecrease = 1e-4
  private static let curvature = 0.9
  private static let maximumTrials = 30

  /// A good step, or the best one found; nil where none improves the value.
  ///
  /// - Parameter start: the point at step 0.
  func search(
    from start: Trial, along direction: Tensor, firstStep: Double,
    _ evaluate: (Tensor) -> LBFGS.Evaluation
  ) -> Trial? {
    guard start.slope < 0 else { return nil }
    func trial(_ step: Double) -> Trial {
      let point = start.point + direction * step
      let (value, gradient) = evaluate(point)
      return Trial(
        step: step, value: value, slope: gradient.dot(direction), point: point, gradient: gradient)
    }
    var previous = start
    var step = firstStep
    for number in 0..<Self.maximumTrials {
      let current = trial(step)
      if !fellEnough(current, start) || (number > 0 && current.value >= previous.value + valueNoise)
      {
        return zoom(
          low: previous, high: current, start, trials: Self.maximumTrials - number, trial)
      }
      if isFlat(current, start) { return current }
      if current.slope >= 0 {
        return zoom(
          low: current, high: previous, start, trials: Self.maximumTrials - number, trial)
      }
      step = Self.minimizer(previous, current, within: 2 * step...10 * step)
      previous = current
    }
    return previous.step > 0 ? previous : nil
  }

  /// Narrows an interval that holds a good step; `low` is the better end.
  private func zoom(
    low: Trial, high: Trial, _ start: Trial, trials: Int, _ trial: (Double) -> Trial
  ) -> Trial? {
    var (low, high) = (low, high)
    for _ in 0..<trials {
      let lower = min(low.step, high.step)
      let width = abs(high.step - low.step)
      if width * abs(low.slope) <= valueNoise * 1e-3 { break }
      let current = trial(
        Self.minimizer(low, high, within: lower + 0.1 * width...lower + 0.9 * width))
      if !fellEnough(current, start) || current.value >= low.value + valueNoise {
        high = current
      } else {
        if isFlat(current, start) { return current }
        if current.slope * (high.step - low.step) >= 0 { high = low }
        low = current
      }
    }
    return low.step > 0 ? low : nil
  }

  private func fellEnough(_ trial: Trial, _ start: Trial) -> Bool {
    // A value that is not finite fails this comparison, and is retreated from.
    trial.value
      <= start.value + Self.sufficientDecrease * trial.step * start.slope + valueNoise
  }

  private func isFlat(_ trial: Trial, _ start: Trial) -> Bool {
    abs(trial.slope) <= Self.curvature * abs(start.slope)
  }

  /// The minimum of the cubic through two values and slopes, or the middle where it has none.
  private static func minimizer(
    _ a: Trial, _ b: Trial, within range: ClosedRange<Double>
  ) -> Double {
    let middle = (range.lowerBound + range.upperBound) / 2
    guard b.value.isFinite, b.slope.isFinite else { return middle }
    let d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    let square = d1 * d1 - a.slope * b.slope
    guard square >= 0 else { return middle }
    let d2 = (b.step > a.step ? 1.0 : -1.0) * square.squareRoot()
    let step =
      b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
    return step.isFinite ? min(max(step, range.lowerBound), range.upperBound) : middle
  }
}
