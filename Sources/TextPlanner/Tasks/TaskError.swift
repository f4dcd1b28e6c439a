import Foundation

/// Why a task's files cannot be made.
public enum TaskError: Error, Equatable, Sendable {
  /// A setting outside its range.
  case invalidSetting(name: String, expected: String, found: String)
  /// The output folder holds something already.
  case outputNotEmpty(path: String)
  /// There are not as many different examples as wanted, or they are too rare to be found.
  case tooFew(split: String, difficulty: Int, wanted: Int, found: Int, draws: Int)
  /// What was drawn has not as many different relatives as wanted.
  case tooFewRelatives(split: String, wanted: Int, found: Int, of: Int)
}

extension TaskError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .invalidSetting(let name, let expected, let found):
      "\(name): expected \(expected), found \(found)"
    case .outputNotEmpty(let path):
      "\(path) is not empty: name another output folder"
    case .tooFew(let split, let difficulty, let wanted, let found, let draws):
      "\(split): wanted \(wanted) different examples of difficulty \(difficulty), found \(found) "
        + "in \(draws) draws: ask for fewer, or for other difficulties"
    case .tooFewRelatives(let split, let wanted, let found, let count):
      "\(split): wanted \(wanted) different examples, found \(found) that \(count) lead to: ask for "
        + "fewer, or for more --originals"
    }
  }

  public var errorDescription: String? { description }
}
