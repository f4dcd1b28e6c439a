import Files
import Foundation
import Logging

/// The examples of a JSON Lines file: one object a line with `prompt` and `answer`, and perhaps `negatives`,
/// `group` and `difficulty`. Other fields are not read.
public struct TextDataset: Sendable {
  /// A line that was left out.
  public struct Skipped: Sendable, Equatable, CustomStringConvertible {
    /// From 1.
    public let line: Int
    public let reason: String

    public var description: String { "line \(line): \(reason)" }
  }

  public let path: String
  public let examples: [TextExample]
  /// Examples with a text over its limit, in the order of the file. Nothing is cut.
  public let skipped: [Skipped]
  /// The longest prompt and the longest answer among `examples`.
  public let longest: TextLimits
  /// 64 bits that change with any example or their order (`Fingerprint`).
  public let fingerprint: UInt64

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: of JSON Lines.
  ///   - limits: examples with a longer prompt, answer or negative are skipped and listed.
  ///   - vocabulary: the symbols that texts become.
  /// - Throws: `TextDataError`, for a file without examples and for the first line that is wrong;
  ///   `FileError.failed`.
  public init(
    contentsOf path: String, limits: TextLimits = .none, vocabulary: Vocabulary = Vocabulary()
  ) throws {
    let data = try DurableFile.read(path)
    var examples: [TextExample] = []
    var skipped: [Skipped] = []
    var longest = TextLimits(promptLength: 0, answerLength: 0)
    var fingerprint = Fingerprint()

    for (index, line) in Self.lines(of: data).enumerated() {
      guard let example = try Self.example(in: line, path: path, line: index + 1) else { continue }
      let texts =
        [("the prompt", example.prompt, limits.promptLength)]
        + [("the answer", example.answer, limits.answerLength)]
        + example.negatives.enumerated().map {
          ("negative \($0.offset + 1)", $0.element, limits.answerLength)
        }
      let tooLong = texts.first { vocabulary.length(of: $0.1) > $0.2 }
      if let (name, text, limit) = tooLong {
        let length = vocabulary.length(of: text)
        skipped.append(
          Skipped(
            line: index + 1, reason: "\(name) has \(length) symbols, the limit is \(limit)"))
        continue
      }
      longest.promptLength = max(longest.promptLength, vocabulary.length(of: example.prompt))
      longest.answerLength = max(longest.answerLength, vocabulary.length(of: example.answer))
      fingerprint.add(line)
      examples.append(example)
    }

    if examples.isEmpty {
      guard let first = skipped.first else { throw TextDataError.empty(path: path) }
      throw TextDataError.nothingFits(
        path: path, lines: skipped.count, first: first.description)
    }
    self.path = path
    self.examples = examples
    self.skipped = skipped
    self.longest = longest
    self.fingerprint = fingerprint.value
  }

  /// What a run's environment says of its data, such as `20000 examples, 5f0a…`.
  public var fingerprintText: String {
    "\(examples.count.counted("example")), " + String(format: "%016llx", fingerprint)
  }

  /// The lines of a file, without their ends; a byte order mark in front is dropped.
  private static func lines(of data: Data) -> [Data] {
    let bytes = data.starts(with: [0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data
    return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0
    }
  }

  /// The example of one line; nil for a blank one.
  private static func example(in line: Data, path: String, line number: Int) throws -> TextExample?
  {
    if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) { return nil }
    guard !line.contains(0) else { throw TextDataError.holdsNUL(path: path, line: number) }
    if let byte = firstInvalidByte(of: line) {
      throw TextDataError.notUTF8(path: path, line: number, byte: byte)
    }
    let example: TextExample
    do {
      example = try JSONDecoder().decode(TextExample.self, from: line)
    } catch DecodingError.keyNotFound(let key, _) {
      throw TextDataError.field(
        path: path, line: number, name: key.stringValue, expected: "a text", found: "none")
    } catch DecodingError.typeMismatch(_, let context) where !context.codingPath.isEmpty {
      throw wrongType(at: context.codingPath, path: path, line: number)
    } catch DecodingError.valueNotFound(_, let context) where !context.codingPath.isEmpty {
      throw wrongType(at: context.codingPath, path: path, line: number)
    } catch {
      throw TextDataError.notJSON(path: path, line: number)
    }
    for (name, text) in [("prompt", example.prompt), ("answer", example.answer)] where text.isEmpty
    {
      throw TextDataError.field(
        path: path, line: number, name: name, expected: "a text", found: "an empty one")
    }
    guard
      !([example.prompt, example.answer] + example.negatives).contains(where: {
        $0.utf8.contains(0)
      })
    else { throw TextDataError.holdsNUL(path: path, line: number) }
    return example
  }

  private static func wrongType(
    at path: [any CodingKey], path file: String, line: Int
  ) -> TextDataError {
    let name = path[0].stringValue
    let expected =
      switch name {
      case "negatives": "a list of texts"
      case "difficulty": "a whole number"
      default: "a text"
      }
    return .field(
      path: file, line: line, name: name, expected: expected, found: "a value of another type")
  }

  /// Where a line stops being UTF-8, from 1; nil where it is.
  private static func firstInvalidByte(of line: Data) -> Int? {
    if String(validating: line, as: UTF8.self) != nil { return nil }
    var (valid, rest) = (0, line)
    while let first = rest.first {
      let length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
      guard String(validating: rest.prefix(length), as: UTF8.self) != nil else { break }
      valid += min(length, rest.count)
      rest = rest.dropFirst(length)
    }
    return valid + 1
  }
}

extension TextDataset {
  /// Names in the log what was left out: the first few, and how many more.
  func logSkipped(to logger: Logger) {
    for skipped in skipped.prefix(5) { logger.warning("skipped \(path), \(skipped)") }
    if skipped.count > 5 { logger.warning("\(skipped.count - 5) more examples were skipped") }
  }
}
