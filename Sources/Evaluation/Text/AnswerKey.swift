import Files
import TextPlanner

/// What counts as right: an example's answer, those of its group, and those that the same prompt has elsewhere
/// in the file. Texts are compared byte by byte.
struct AnswerKey {
  private let right: [Set<[UInt8]>]

  init(_ examples: [TextExample]) {
    var alternatives: [String: Set<[UInt8]>] = [:]
    func names(_ example: TextExample) -> [String] {
      ["prompt \(example.prompt)"] + (example.group.map { ["group \($0)"] } ?? [])
    }
    for example in examples {
      for name in names(example) {
        alternatives[name, default: []].insert(Array(example.answer.utf8))
      }
    }
    right = examples.map { example in
      names(example).reduce(into: Set()) { $0.formUnion(alternatives[$1]!) }
    }
  }

  func accepts(_ answer: String, for item: Int) -> Bool {
    right[item].contains(Array(answer.utf8))
  }

  func accepts(_ answers: [String]) -> [Bool] {
    answers.indices.map { accepts(answers[$0], for: $0) }
  }
}

/// Answers that are wrong, for asking whether the energy knows it.
struct WrongAnswers {
  /// A wrong answer and the example it is for.
  struct Item: Hashable {
    let item: Int
    let answer: String
  }

  private let examples: [TextExample]
  private let key: AnswerKey

  init(_ examples: [TextExample], key: AnswerKey) {
    self.examples = examples
    self.key = key
  }

  /// Each answer with one symbol replaced by another that the answers are written with.
  func nearMisses(using generator: inout SeededGenerator) -> [Item] {
    let alphabet = Set(examples.flatMap { Array($0.answer.utf8) }).filter { $0 < 0x80 }.sorted()
    guard alphabet.count > 1 else { return [] }
    return examples.indices.compactMap { item in
      var symbols = Array(examples[item].answer.utf8)
      // Symbols of one byte, so that what comes out is a text again.
      let places = symbols.indices.filter { symbols[$0] < 0x80 }
      guard !places.isEmpty else { return nil }
      let place = places[generator.index(below: places.count)]
      let others = alphabet.filter { $0 != symbols[place] }
      symbols[place] = others[generator.index(below: others.count)]
      return wrong(String(decoding: symbols, as: UTF8.self), for: item)
    }
  }

  /// For each example another's answer.
  func shuffled(using generator: inout SeededGenerator) -> [Item] {
    examples.indices.compactMap { item in
      for _ in 0..<16 {
        let other = examples[generator.index(below: examples.count)].answer
        if let wrong = wrong(other, for: item) { return wrong }
      }
      return nil
    }
  }

  /// Those of some decoded answers that are wrong, each once.
  func own(_ decoded: [[String]], atMost length: Int) -> [Item] {
    var seen: Set<Item> = []
    return decoded.flatMap { answers in
      answers.enumerated().compactMap { item, answer in
        // What is not UTF-8 was mended when it was decoded, and may have become too long to be read.
        guard answer.utf8.count <= length, !answer.utf8.contains(0),
          let wrong = wrong(answer, for: item), seen.insert(wrong).inserted
        else { return nil }
        return wrong
      }
    }
  }

  private func wrong(_ answer: String, for item: Int) -> Item? {
    key.accepts(answer, for: item) ? nil : Item(item: item, answer: answer)
  }
}
