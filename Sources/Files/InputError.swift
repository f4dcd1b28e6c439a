import Foundation

/// What can be wrong with what a computation is asked for.
public enum InputError: Error, Equatable, Sendable {
  /// A setting outside its range.
  case invalidSetting(name: String, expected: String, found: String)
  /// A figure needs more items than there are.
  case tooFewItems(purpose: String, needed: Int, found: Int)
}

extension InputError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .invalidSetting(let name, let expected, let found):
      "\(name): expected \(expected), found \(found)"
    case .tooFewItems(let purpose, let needed, let found):
      "\(purpose) needs at least \(needed) items, found \(found)"
    }
  }

  public var errorDescription: String? { description }
}
