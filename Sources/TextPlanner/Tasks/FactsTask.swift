import Files

/// Facts that nothing follows from: `code of bamilu?` is answered `x7k2qd`. They cannot be learned, only
/// remembered; a model trained on them with a memory learns to read it.
public struct FactsTask: TextTask {
  public let answerLength: Int
  public let difficulties = 1...1

  public init(answerLength: Int) { self.answerLength = answerLength }

  public func draw(
    for split: TaskSplit, wanted: Set<Int>, using generator: inout SeededGenerator
  ) -> TextExample? {
    func letters(_ alphabet: String, _ count: Int) -> String {
      let alphabet = Array(alphabet)
      return String((0..<count).map { _ in alphabet[generator.index(below: alphabet.count)] })
    }
    let attribute = Self.attributes[generator.index(below: Self.attributes.count)]
    let name = (0..<3 + generator.index(below: 2)).map { _ in
      letters("bdfgklmnprstvz", 1) + letters("aeiou", 1)
    }.joined()
    guard HeldOut.split(of: name.utf8) == split else { return nil }
    return TextExample(
      prompt: "\(attribute) of \(name)?",
      answer: letters("abcdefghijklmnopqrstuvwxyz0123456789", answerLength), difficulty: 1)
  }

  private static let attributes = ["code", "town", "key", "owner", "mark", "sign", "place", "word"]
}
