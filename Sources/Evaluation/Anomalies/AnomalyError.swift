import Foundation

/// What can be wrong with a search for anomalies that is asked for.
public enum AnomalyError: Error, Equatable, Sendable {
  /// Too few pictures to say what is usual among them.
  case tooFewPictures(path: String, needed: Int, found: Int, advice: String)
  /// A calibration that was made with other weights.
  case otherModel(path: String, expected: String, found: String)
  /// A file that `jepa anomalies --write-calibration` did not write.
  case notACalibration(path: String, reason: String)
}

extension AnomalyError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .tooFewPictures(let path, let needed, let found, let advice):
      "\(path): expected at least \(needed) pictures that can be read, found \(found): \(advice)"
    case .otherModel(let path, let expected, let found):
      "\(path) was made with another model: it is for \(found.prefix(12)), this is "
        + "\(expected.prefix(12)): make it again with this one"
    case .notACalibration(let path, let reason):
      "\(path): expected a file that jepa anomalies --write-calibration wrote: \(reason)"
    }
  }

  public var errorDescription: String? { description }
}
