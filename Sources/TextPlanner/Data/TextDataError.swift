import Foundation

/// What can be wrong with a file of prompts and answers. Lines count from 1.
public enum TextDataError: Error, Equatable, Sendable {
  /// The file holds nothing but blank lines.
  case empty(path: String)
  /// Every line was skipped; `first` says why the first one was.
  case nothingFits(path: String, lines: Int, first: String)
  /// A line is not a JSON object.
  case notJSON(path: String, line: Int)
  /// A line lacks a field, or holds something else in it.
  case field(path: String, line: Int, name: String, expected: String, found: String)
  /// A line holds bytes that are not UTF-8.
  case notUTF8(path: String, line: Int, byte: Int)
  /// A line holds a NUL byte, itself or as `\u0000`.
  case holdsNUL(path: String, line: Int)
}

extension TextDataError: CustomStringConvertible, LocalizedError {
  public var description: String {
    switch self {
    case .empty(let path):
      "\(path): the file is empty, expected lines such as "
        + #"{"prompt": "2+3", "answer": "5"}"#
    case .nothingFits(let path, let lines, let first):
      "\(path): none of its \(lines) examples can be used; \(first)"
    case .notJSON(let path, let line):
      "\(path):\(line): not JSON: expected an object such as "
        + #"{"prompt": "2+3", "answer": "5"}"#
    case .field(let path, let line, let name, let expected, let found):
      "\(path):\(line): field \(name): expected \(expected), found \(found)"
    case .notUTF8(let path, let line, let byte):
      "\(path):\(line): byte \(byte) of the line is not UTF-8"
    case .holdsNUL(let path, let line):
      "\(path):\(line): the text holds a NUL byte"
    }
  }

  public var errorDescription: String? { description }
}
