import Files

/// Sums of two numbers of so many digits: `4711+1234` is answered `5945`. Difficulty is the number of digits
/// in the longest run of carries.
public struct AdditionTask: TextTask {
  public let digits: Int
  public let difficulties: ClosedRange<Int>

  public init(digits: Int, difficulties: ClosedRange<Int>) {
    self.digits = digits
    self.difficulties = difficulties
  }

  public func draw(
    for split: TaskSplit, wanted: Set<Int>, using generator: inout SeededGenerator
  ) -> TextExample? {
    // Long runs are rare among random numbers, so a run of a wanted length is put in: each digit pair of
    // it sums to 9 at least, the first to 10.
    let lengths = wanted.sorted()
    let length = lengths[generator.index(below: lengths.count)]
    let start = generator.index(below: digits - length + 1)
    var (first, second, power) = (0, 0, 1)
    for place in 0..<digits {
      let isLast = place == digits - 1
      let least = isLast && digits > 1 ? 1 : 0
      var pair: (Int, Int)
      repeat {
        pair = (
          least + generator.index(below: 10 - least), least + generator.index(below: 10 - least)
        )
      } while place >= start && place < start + length
        && pair.0 + pair.1 < (place == start ? 10 : 9)
      first += pair.0 * power
      second += pair.1 * power
      power *= 10
    }
    guard HeldOut.split(of: "\(min(first, second))+\(max(first, second))".utf8) == split else {
      return nil
    }
    let difficulty = Self.longestCarry(first, second)
    guard wanted.contains(difficulty) else { return nil }
    return TextExample(
      prompt: "\(first)+\(second)", answer: "\(first + second)", difficulty: difficulty)
  }

  /// How many digits in a row pass a carry on.
  public static func longestCarry(_ first: Int, _ second: Int) -> Int {
    var (first, second, carry, run, longest) = (first, second, 0, 0, 0)
    while first > 0 || second > 0 {
      carry = (first % 10 + second % 10 + carry) / 10
      run = carry > 0 ? run + 1 : 0
      longest = max(longest, run)
      (first, second) = (first / 10, second / 10)
    }
    return longest
  }
}
