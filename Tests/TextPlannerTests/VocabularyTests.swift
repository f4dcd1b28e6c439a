import Foundation
import Testing
import TextPlanner

/// Texts to symbols and back.
@Suite struct VocabularyTests {
  let vocabulary = Vocabulary()

  @Test func textsAreTheirBytesFilledUp() {
    #expect(vocabulary.encode("aé", length: 5) == [97, 195, 169, 256, 256])
    #expect(vocabulary.encode("ab", length: 2) == [97, 98])
    #expect(vocabulary.length(of: "aé") == 3)
    #expect(vocabulary.count == 257)
  }

  @Test(arguments: ["", "a", "2+3=5", "ünïcødé ✓", "日本"])
  func decodingUndoesEncoding(text: String) {
    let length = vocabulary.length(of: text)
    for row in [
      vocabulary.encode(text, length: length), vocabulary.encode(text, length: length + 3),
    ] {
      #expect(vocabulary.decode(row) == text)
    }
  }

  @Test func nothingAfterTheEndCounts() {
    #expect(vocabulary.decode([97, 256, 98]) == "a")
    #expect(vocabulary.decode([97, 0xC3]) == "a\u{FFFD}")
  }

  @Test func aVocabularyOfAnotherKindIsRefused() throws {
    let data = try JSONEncoder().encode(vocabulary)
    #expect(try JSONDecoder().decode(Vocabulary.self, from: data) == vocabulary)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Vocabulary.self, from: Data(#"{"kind":"bpe"}"#.utf8))
    }
  }

  @Test func textsThatDoNotFitAreAProgrammersMistake() async {
    await #expect(processExitsWith: .failure) { _ = Vocabulary().encode("abc", length: 2) }
  }
}
