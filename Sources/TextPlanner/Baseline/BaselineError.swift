import Foundation

/// What can be wrong with an autoregressive baseline.
public enum BaselineError: Error, Equatable, Sendable {
  /// A checkpoint is of another kind of model.
  case notABaseline(path: String, expected: String, found: String)
  /// A baseline and a planner that are to be compared take texts of other lengths.
  case otherLimits(planner: TextLimits, baseline: TextLimits)
}

extension BaselineError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .notABaseline(let path, let expected, let found):
      "\(path): expected model_type \(expected), found \(found)"
    case .otherLimits(let planner, let baseline):
      "the baseline takes prompts and answers of up to \(baseline.promptLength) and "
        + "\(baseline.answerLength) symbols, the planner of up to \(planner.promptLength) and "
        + "\(planner.answerLength): train it with --like"
    }
  }

  public var errorDescription: String? { description }
}
