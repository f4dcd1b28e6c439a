import Evaluation
import Foundation
import ImageJEPA
import Pictures
import Torch

/// One class is clean, all others are anomalies, for each class in turn.
///
/// The encoder has seen all classes, without labels; what is usual is learned from the clean one alone.
struct OneClass {
  let checkpoint: String
  let train: ImageFolder
  let test: ImageFolder
  /// Pictures of a class that are clean, at most.
  let count: Int

  func run() throws {
    let trained = try TokenReader(checkpoint: checkpoint)
    let untrained = try TokenReader.untrained(checkpoint: checkpoint, seed: 1)
    var figures: [String: [Double]] = [:]
    var names: [String] = []
    print("\(checkpoint): at most \(count) clean pictures of a class, \(test.count) test pictures")
    let testEntries = (0..<test.count).map(test.entry(of:))
    let isOf = testEntries.map(\.label)
    for (prefix, reader, contenders) in [
      ("untrained: ", untrained, [Contender.rules()]),
      ("", trained, [Contender.padim, .rules()]),
    ] {
      let table = try reader.table(of: testEntries)
      for name in contenders.flatMap(\.names) { names.append(prefix + name) }
      for label in train.labels.sorted() {
        let entries = (0..<train.count).filter { train.label(of: $0) == label }
          .prefix(count).map(train.entry(of:))
        let usual = try reader.table(of: entries)
        for contender in contenders {
          for (name, scores) in zip(contender.names, contender.fit(usual)(table)) {
            func part(_ isClean: Bool) -> [Double] {
              zip(scores, isOf).filter { ($0.1 == label) == isClean }.map(\.0)
            }
            figures[prefix + name, default: []].append(
              try RankStatistics.auroc(positives: part(false), negatives: part(true)))
          }
        }
      }
    }
    let labels = train.labels.sorted()
    print("\n| AUROC | " + labels.joined(separator: " | ") + " | mean |")
    print("|---" + String(repeating: "|---", count: labels.count + 1) + "|")
    for name in names {
      let found = figures[name]!
      print(
        "| \(name) | " + found.map { String(format: "%.3f", $0) }.joined(separator: " | ")
          + String(format: " | %.3f |", found.reduce(0, +) / Double(found.count)))
    }
  }
}
