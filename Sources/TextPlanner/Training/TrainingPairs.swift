import Files
import Torch

/// Examples as a step sees them.
struct PairBatch {
  /// Which examples they are; nil for nonce facts.
  let items: [Int?]
  let prompts: SymbolBatch
  /// int64 `[n, A]`
  let answers: Tensor
}

/// Prompts and answers as symbols, and which of them are kept out of training.
///
/// Held out are whole answers where there are many different ones (so that what is measured on them was not
/// seen), else single examples.
struct TrainingPairs {
  /// Examples that are trained on, and those that are not, as indices into the data.
  let trained: [Int]
  let heldOut: [Int]
  /// The symbols that answers are written with, the end included; ascending.
  let alphabet: [Int64]

  /// The symbols that prompts and answers are written with, ascending.
  let textAlphabet: [Int32]

  private let prompts: Rows
  private let answers: Rows
  private let negatives: [Rows]
  /// The same number for equal answers.
  private let answerClasses: [Int]
  /// The same number for examples of one group; nil for those without.
  private let groups: [Int?]
  /// The answers of each group.
  private let alternatives: [Set<Int>]
  private let answerClassOfText: [String: Int]
  private let vocabulary: Vocabulary
  private let answerLength: Int

  var count: Int { answerClasses.count }

  /// Texts of different lengths, one after the other.
  private struct Rows {
    var symbols: [Int32] = []
    var starts: [Int] = [0]

    mutating func append(_ text: String, _ vocabulary: Vocabulary) {
      symbols.append(
        contentsOf: vocabulary.encode(text, length: vocabulary.length(of: text)).lazy
          .map(Int32.init))
      starts.append(symbols.count)
    }

    var count: Int { starts.count - 1 }
    subscript(row: Int) -> ArraySlice<Int32> { symbols[starts[row]..<starts[row + 1]] }
  }

  /// - Parameter heldOutShare: the part of the examples that is not trained on.
  ///
  /// - Precondition: there are at least 2 examples.
  init(
    _ dataset: TextDataset, vocabulary: Vocabulary, answerLength: Int, heldOutShare: Double,
    seed: UInt64
  ) {
    let examples = dataset.examples
    precondition(examples.count >= 2, "training on \(examples.count) examples")
    var (prompts, answers, negatives) = (Rows(), Rows(), [Rows]())
    var (classes, groupNumbers) = ([String: Int](), [String: Int]())
    var (answerClasses, groups) = ([Int](), [Int?]())
    for example in examples {
      prompts.append(example.prompt, vocabulary)
      answers.append(example.answer, vocabulary)
      var wrong = Rows()
      for negative in example.negatives where negative != example.answer {
        wrong.append(negative, vocabulary)
      }
      negatives.append(wrong)
      let next = classes.count
      let answerClass = classes[example.answer, default: next]
      classes[example.answer] = answerClass
      answerClasses.append(answerClass)
      groups.append(
        example.group.map { name in
          let next = groupNumbers.count
          let number = groupNumbers[name, default: next]
          groupNumbers[name] = number
          return number
        })
    }
    var alternatives = [Set<Int>](repeating: [], count: groupNumbers.count)
    for (answerClass, group) in zip(answerClasses, groups) {
      if let group { alternatives[group].insert(answerClass) }
    }
    var used = Set(answers.symbols.map(Int64.init))
    used.insert(Int64(vocabulary.end))

    textAlphabet = Set(prompts.symbols + answers.symbols).sorted()
    self.prompts = prompts
    self.answers = answers
    self.negatives = negatives
    self.answerClasses = answerClasses
    self.groups = groups
    self.alternatives = alternatives
    answerClassOfText = classes
    self.vocabulary = vocabulary
    self.answerLength = answerLength
    alphabet = used.sorted()
    (trained, heldOut) = Self.split(
      answerClasses, share: heldOutShare, classCount: classes.count, seed: seed)
  }

  private static func split(
    _ classes: [Int], share: Double, classCount: Int, seed: UInt64
  ) -> (trained: [Int], heldOut: [Int]) {
    var draws = SeededGenerator(seed: seed, 0x7E57)
    // By answers where a few of them are a small part of all.
    let byAnswer = classCount >= 40
    var order = Array(0..<(byAnswer ? classCount : classes.count))
    draws.shuffle(&order)
    let wanted = max(1, Int((share * Double(order.count)).rounded()))
    let chosen = Set(order.prefix(min(wanted, order.count - 1)))
    let isHeldOut = { (item: Int) in chosen.contains(byAnswer ? classes[item] : item) }
    return (classes.indices.filter { !isHeldOut($0) }, classes.indices.filter(isHeldOut))
  }

  // MARK: Batches

  func prompts(_ items: [Int], device: Device) -> SymbolBatch {
    SymbolBatch(items.map { prompts[$0] }, padding: vocabulary.end, device: device)
  }

  /// The prompts that are trained on.
  var trainedPrompts: [String] { trained.map { vocabulary.decode(prompts[$0].map(Int.init)) } }

  /// int64 `[n, A]`
  func answers(_ items: [Int], device: Device) -> Tensor {
    padded(items.map { answers[$0] }).to(device: device)
  }

  /// Some examples as a step sees them.
  ///
  /// - Parameter nonces: texts that stand in the place of some rows' examples.
  func batch(
    _ items: [Int], nonces: [Int: NonceFact] = [:], device: Device
  ) -> PairBatch {
    let prompts = items.indices.map { row in nonces[row]?.prompt[...] ?? self.prompts[items[row]] }
    let answers = items.indices.map { row in nonces[row]?.answer[...] ?? self.answers[items[row]] }
    return PairBatch(
      items: items.indices.map { nonces[$0] == nil ? items[$0] : nil },
      prompts: SymbolBatch(prompts, padding: vocabulary.end, device: device),
      answers: padded(answers).to(device: device))
  }

  /// For each item one of its own wrong answers, drawn; nil where it has none.
  func drawnNegatives(
    _ items: [Int?], draws: inout SeededGenerator, device: Device
  ) -> (answers: Tensor, isGiven: [Bool]) {
    let rows = items.map { item -> ArraySlice<Int32>? in
      guard let item, negatives[item].count > 0 else { return nil }
      return negatives[item][draws.index(below: negatives[item].count)]
    }
    return (padded(rows.map { $0 ?? [] }).to(device: device), rows.map { $0 != nil })
  }

  /// Whether any example comes with wrong answers.
  var hasNegatives: Bool { negatives.contains { $0.count > 0 } }

  /// For each item (nil: none of these) a trained one whose answer is wrong for it; nil where none was
  /// found.
  func others(than items: [Int?], draws: inout SeededGenerator) -> [Int?] {
    items.map { item in
      for _ in 0..<16 {
        let other = trained[draws.index(below: trained.count)]
        if item.map({ !isRight(answerClasses[other], for: $0) }) ?? true { return other }
      }
      return nil
    }
  }

  /// Whether a text is a right answer of an item: its own, or another of its group.
  func isRight(_ text: String, for item: Int) -> Bool {
    answerClassOfText[text].map { isRight($0, for: item) } ?? false
  }

  private func isRight(_ answerClass: Int, for item: Int) -> Bool {
    answerClass == answerClasses[item]
      || groups[item].map { alternatives[$0].contains(answerClass) } ?? false
  }

  private func padded(_ rows: [ArraySlice<Int32>]) -> Tensor {
    var values = [Int64](repeating: Int64(vocabulary.end), count: rows.count * answerLength)
    for (row, symbols) in rows.enumerated() {
      for (column, symbol) in symbols.enumerated() {
        values[row * answerLength + column] = Int64(symbol)
      }
    }
    return Tensor(values, shape: [rows.count, answerLength])
  }

  /// The beginnings of some items' prompts, for messages.
  func excerpts(_ items: [Int]) -> [String] {
    items.map { item in
      let text = vocabulary.decode(prompts[item].map(Int.init))
      return "'" + text.prefix(24).map { $0.isNewline ? " " : String($0) }.joined()
        + (text.count > 24 ? "…'" : "'")
    }
  }
}
