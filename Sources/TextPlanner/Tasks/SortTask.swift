import Files

/// Letters put in order: `wkbba` is answered `abbkw`. Difficulty is the number of letters.
public struct SortTask: TextTask {
  public let difficulties: ClosedRange<Int>

  public init(difficulties: ClosedRange<Int>) { self.difficulties = difficulties }

  public func draw(
    for split: TaskSplit, wanted: Set<Int>, using generator: inout SeededGenerator
  ) -> TextExample? {
    let lengths = wanted.sorted()
    let length = lengths[generator.index(below: lengths.count)]
    let letters = (0..<length).map { _ in UInt8(ascii: "a") + UInt8(generator.index(below: 26)) }
    let answer = letters.sorted()
    // The answer is held out, with all its orders.
    guard HeldOut.split(of: answer) == split else { return nil }
    return TextExample(
      prompt: String(decoding: letters, as: UTF8.self),
      answer: String(decoding: answer, as: UTF8.self), difficulty: length)
  }
}
