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
  /// - Throws: `TaskError.tooFew`.
  public func examples(_ count: Int, for split: TaskSplit) throws -> [TextExample] {
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

  /// Writes `train.jsonl` and `test.jsonl` into a folder, new or empty; both or none.
  ///
  /// - Throws: `TaskError`, `FileError.diskFull`, `.failed`.
  public func write(to folder: String, train: Int, test: Int) throws {
    let files = FileManager.default
    if let names = try? files.contentsOfDirectory(atPath: folder), !names.isEmpty {
      throw TaskError.outputNotEmpty(path: folder)
    }
    let lines = try [(TaskSplit.train, train), (.test, test)].map { split, count in
      (split, try Self.lines(of: examples(count, for: split)))
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
