import Files
import Foundation
import TestSupport
import Testing
import TrainingRuns

@testable import TextPlanner

/// Reading prompts and answers from JSON Lines.
@Suite struct TextDatasetTests {
  let file = TemporaryPath("examples")

  private func read(
    _ text: String, limits: TextLimits = .none
  ) throws -> TextDataset { try read(Data(text.utf8), limits: limits) }

  private func read(_ data: Data, limits: TextLimits = .none) throws -> TextDataset {
    try data.write(to: URL(fileURLWithPath: file.path))
    return try TextDataset(contentsOf: file.path, limits: limits)
  }

  @Test func allFieldsAreRead() throws {
    let dataset = try read(
      """
      {"prompt": "2+3", "answer": "5"}
      {"prompt": "é", "answer": "ñ", "negatives": ["n"], "group": "g", "difficulty": 3, "more": 1}

      """)
    #expect(
      dataset.examples == [
        TextExample(prompt: "2+3", answer: "5"),
        TextExample(prompt: "é", answer: "ñ", negatives: ["n"], group: "g", difficulty: 3),
      ])
    #expect(dataset.skipped.isEmpty)
    #expect(dataset.longest == TextLimits(promptLength: 3, answerLength: 2))
  }

  @Test func windowsLinesBlankLinesAndAByteOrderMarkAreRead() throws {
    let line = #"{"prompt": "a", "answer": "b"}"#
    let dataset = try read("\u{FEFF}\(line)\r\n\r\n \t\n\(line)")
    #expect(dataset.examples.count == 2)
  }

  @Test func longTextsAreSkippedAndNamedNeverCut() throws {
    let dataset = try read(
      """
      {"prompt": "12345", "answer": "1"}
      {"prompt": "123456", "answer": "1"}
      {"prompt": "1", "answer": "ééé"}
      {"prompt": "1", "answer": "1", "negatives": ["1", "12345"]}
      """, limits: TextLimits(promptLength: 5, answerLength: 4))
    #expect(dataset.examples == [TextExample(prompt: "12345", answer: "1")])
    #expect(
      dataset.skipped.map(\.description) == [
        "line 2: the prompt has 6 symbols, the limit is 5",
        "line 3: the answer has 6 symbols, the limit is 4",
        "line 4: negative 2 has 5 symbols, the limit is 4",
      ])
  }

  @Test func theFingerprintFollowsTheExamplesAndTheirOrder() throws {
    let (first, second) = (#"{"prompt":"a","answer":"b"}"#, #"{"prompt":"c","answer":"d"}"#)
    let one = try read("\(first)\n\(second)\n")
    #expect(try read("\(first)\n\(second)").fingerprint == one.fingerprint)
    #expect(try read("\(second)\n\(first)\n").fingerprint != one.fingerprint)
    #expect(one.fingerprintText.hasPrefix("2 examples, "))
  }

  @Test(arguments: [
    ("", ": the file is empty, expected lines such as {\"prompt\": \"2+3\", \"answer\": \"5\"}"),
    (
      "\n \n",
      ": the file is empty, expected lines such as {\"prompt\": \"2+3\", \"answer\": \"5\"}"
    ),
    (
      "{\"prompt\":\"a\",\"answer\":\"b\"}\nhello",
      ":2: not JSON: expected an object such as {\"prompt\": \"2+3\", \"answer\": \"5\"}"
    ),
    ("[1]", ":1: not JSON: expected an object such as {\"prompt\": \"2+3\", \"answer\": \"5\"}"),
    ("{\"prompt\":\"a\"}", ":1: field answer: expected a text, found none"),
    (
      "{\"prompt\":1,\"answer\":\"b\"}",
      ":1: field prompt: expected a text, found a value of another type"
    ),
    (
      "{\"prompt\":\"a\",\"answer\":null}",
      ":1: field answer: expected a text, found a value of another type"
    ),
    (
      "{\"prompt\":\"a\",\"answer\":\"b\",\"negatives\":\"c\"}",
      ":1: field negatives: expected a list of texts, found a value of another type"
    ),
    ("{\"prompt\":\"\",\"answer\":\"b\"}", ":1: field prompt: expected a text, found an empty one"),
    ("{\"prompt\":\"a\\u0000\",\"answer\":\"b\"}", ":1: the text holds a NUL byte"),
    ("\n{\"prompt\":\"a\u{0}\",\"answer\":\"b\"}", ":2: the text holds a NUL byte"),
  ])
  func wrongLinesAreNamed(text: String, message: String) {
    let error = #expect(throws: TextDataError.self) { try read(text) }
    #expect(error?.description == file.path + message)
  }

  @Test func otherEncodingsAreNamed() {
    let latin = Data("{\"prompt\":\"é\",\"answer\":\"".utf8) + [0xE9] + Data("\"}".utf8)
    let error = #expect(throws: TextDataError.self) { try read(latin) }
    #expect(error?.description == "\(file.path):1: byte 26 of the line is not UTF-8")
  }

  @Test func nothingThatFitsIsAnError() {
    let error = #expect(throws: TextDataError.self) {
      try read(
        #"{"prompt":"abc","answer":"b"}"#, limits: TextLimits(promptLength: 2, answerLength: 2))
    }
    #expect(
      error?.description == "\(file.path): none of its 1 examples can be used; "
        + "line 1: the prompt has 3 symbols, the limit is 2")
  }

  @Test func aMissingFileIsNamed() {
    let error = #expect(throws: FileError.self) { try TextDataset(contentsOf: file.path) }
    #expect(error?.description == "cannot read \(file.path): No such file or directory")
  }

  @Test func linesSurviveWritingAndReading() throws {
    let example = TextExample(prompt: "q\"\n", answer: "ü", negatives: ["x"], difficulty: 2)
    let line = try JSONEncoder().encode(example)
    #expect(try read(line).examples == [example])
  }
}
