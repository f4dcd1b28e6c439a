import Files
import Foundation

/// Makes the files of a task: so many different examples, equally many of each difficulty, in random order.
public struct TaskMaker: Sendable {
  private let task: any TextTask
  private let seed: UInt64

  /// - Parameters:
  ///   - task: what examples are of.
  ///   - seed: what all draws are made from; what is held out does not depend on it.
  public init(_ task: some TextTask, seed: UInt64) {
    self.task = task
    self.seed = seed
  }

  /// So many examples for one file. Where the count is no multiple of the number of difficulties, the
  /// easiest get one more.
  ///
  /// - Parameters:
  ///   - count: how many.
  ///   - split: for which file.
  ///   - originals: so many are drawn, and the rest are relatives of them; nil for all.
  /// - Throws: `TaskError.tooFew`.
  public func examples(
    _ count: Int, for split: TaskSplit, originals: Int? = nil
  ) throws -> [TextExample] {
    guard let originals, originals < count else { return try drawn(count, for: split) }
    return try withRelatives(of: try drawn(originals, for: split), count: count, for: split)
  }

  /// Examples and, in turn, a relative of each of them, until there are so many.
  private func withRelatives(
    of originals: [TextExample], count: Int, for split: TaskSplit
  ) throws -> [TextExample] {
    var generator = SeededGenerator(seed: seed, split == .train ? 2 : 3)
    var examples = originals
    var seen = Set(originals.map(\.prompt))
    var (place, idle) = (0, 0)
    let progress = WorkProgress()
    progress.begin("\(split.rawValue), relatives", total: count, of: "examples")
    while examples.count < count {
      progress.update(examples.count)
      let original = originals[place % originals.count]
      if let relative = task.relative(of: original, for: split, using: &generator),
        seen.insert(relative.prompt).inserted
      {
        examples.append(relative)
        (place, idle) = (place + 1, 0)
        continue
      }
      idle += 1
      // One that has no more relatives is passed over.
      if idle % Self.triesOfOne == 0 { place += 1 }
      guard idle <= Self.patience else {
        throw TaskError.tooFewRelatives(
          split: split.rawValue, wanted: count, found: examples.count, of: originals.count)
      }
    }
    generator.shuffle(&examples)
    return examples
  }

  private func drawn(_ count: Int, for split: TaskSplit) throws -> [TextExample] {
    let difficulties = Array(task.difficulties)
    let (share, rest) = count.quotientAndRemainder(dividingBy: difficulties.count)
    var missing: [Int: Int] = [:]
    for (place, difficulty) in difficulties.enumerated() {
      let quota = share + (place < rest ? 1 : 0)
      if quota > 0 { missing[difficulty] = quota }
    }
    let quotas = missing

    var generator = SeededGenerator(seed: seed, split == .train ? 0 : 1)
    var examples: [TextExample] = []
    var seen: Set<String> = []
    // Draws since the last new example; the rarest that are worth waiting for take some thousands.
    var idle = 0
    var draws = 0
    let progress = WorkProgress()
    progress.begin(split.rawValue, total: count, of: "examples")
    while !missing.isEmpty {
      progress.update(examples.count)
      draws += 1
      idle += 1
      let drawn = task.draw(for: split, wanted: Set(missing.keys), using: &generator)
      if let drawn, let difficulty = drawn.difficulty, let wanted = missing[difficulty],
        seen.insert(drawn.prompt).inserted
      {
        examples.append(drawn)
        missing[difficulty] = wanted > 1 ? wanted - 1 : nil
        idle = 0
      }
      if idle > Self.patience, let (difficulty, left) = missing.min(by: { $0.key < $1.key }) {
        let wanted = quotas[difficulty]!
        throw TaskError.tooFew(
          split: split.rawValue, difficulty: difficulty, wanted: wanted, found: wanted - left,
          draws: draws)
      }
    }
    generator.shuffle(&examples)
    return examples
  }

  private static let patience = 100_000
  private static let triesOfOne = 200

  /// Writes `train.jsonl` and `test.jsonl` into a folder, new or empty; both or none.
  ///
  /// - Parameters:
  ///   - folder: where to.
  ///   - train: examples to learn from.
  ///   - test: examples to be measured on.
  ///   - originals: so many of those to learn from are drawn, the others are relatives of them; nil for all.
  /// - Throws: `TaskError`, `FileError.diskFull`, `.failed`.
  public func write(to folder: String, train: Int, test: Int, originals: Int? = nil) throws {
    let files = FileManager.default
    if let names = try? files.contentsOfDirectory(atPath: folder), !names.isEmpty {
      throw TaskError.outputNotEmpty(path: folder)
    }
    let lines = try [(TaskSplit.train, train), (.test, test)].map { split, count in
      let originals = split == .train ? originals : nil
      return (split, try Self.lines(of: examples(count, for: split, originals: originals)))
    }
    try DurableFile.makeFolder(folder)
    for (split, text) in lines {
      try DurableFile.replace("\(folder)/\(split.rawValue).jsonl", with: text)
    }
  }

  private static func lines(of examples: [TextExample]) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var text = Data()
    for example in examples {
      text.append(try encoder.encode(example))
      text.append(UInt8(ascii: "\n"))
    }
    return text
  }
}
