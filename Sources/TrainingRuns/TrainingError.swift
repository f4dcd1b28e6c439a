import Foundation

/// Why training stopped before its end, other than by the user's will.
public enum TrainingError: Error, CustomStringConvertible, LocalizedError {
  case collapsed(CollapseVerdict, lastGood: String?)
  /// `files` are the batch, pictures' paths or other names of items; `advice` is what to change.
  case diverged(
    step: Int, what: String, value: String, files: [String], advice: String, lastGood: String?)
  /// What was learned could not be written, for `reason`.
  case notSaved(reason: String, lastGood: String?)
  /// Memory or a device gave out, for `reason`; `advice` says how to need less.
  case failed(reason: String, advice: String?, lastGood: String?)

  public var description: String {
    switch self {
    case .collapsed(let verdict, let lastGood):
      return "\(verdict)" + Self.keeping(lastGood)
    case .diverged(let step, let what, let value, let files, let advice, let lastGood):
      let shown = files.prefix(4).joined(separator: ", ")
      let more = files.count > 4 ? " and \(files.count - 4) more" : ""
      return
        "the \(what) of step \(step) is \(value); the batch was \(shown)\(more). \(advice)"
        + Self.keeping(lastGood)
    case .notSaved(let reason, let lastGood):
      return "\(reason)." + Self.resuming(lastGood)
    case .failed(let reason, let advice, let lastGood):
      return "\(reason)." + Self.resuming(lastGood) + (advice.map { " \($0)" } ?? "")
    }
  }

  public var errorDescription: String? { description }

  private static func keeping(_ checkpoint: String?) -> String {
    checkpoint.map { " The last good checkpoint is \($0)." } ?? " No checkpoint was written yet."
  }

  private static func resuming(_ checkpoint: String?) -> String {
    checkpoint.map { " The last good checkpoint is \($0): --resume goes on from it." }
      ?? " Nothing of this run was saved before."
  }
}
