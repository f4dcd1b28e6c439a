import Torch

/// Makes wrong answers out of right ones.
struct AnswerCorruption {
  /// The symbols that answers are written with, int64 `[n]`.
  private let alphabet: Tensor
  /// For each symbol of the vocabulary its place in the alphabet, int64 `[V]`.
  private let ranks: Tensor
  private let generator: RandomGenerator
  private let device: Device

  /// - Parameter alphabet: at least one symbol, ascending.
  init(
    alphabet: [Int64], symbolCount: Int, device: Device, using generator: RandomGenerator
  ) {
    self.alphabet = Tensor(alphabet).to(device: device)
    var ranks = [Int64](repeating: 0, count: symbolCount)
    for (rank, symbol) in alphabet.enumerated() { ranks[Int(symbol)] = Int64(rank) }
    self.ranks = Tensor(ranks).to(device: device)
    self.generator = generator
    self.device = device
  }

  /// Answers (int64 `[n, A]`) of which up to `share` of the symbols are others.
  func corrupted(_ answers: Tensor, share: Double) -> Tensor {
    let rate = uniform([answers.size(0), 1]) * share
    return replacements(for: answers).choose(where: uniform(answers.shape) .< rate, else: answers)
  }

  /// Answers (int64 `[n, A]`) with one mistake: a symbol that is another, or for a quarter of them two
  /// that changed places.
  func nearMisses(_ answers: Tensor) -> Tensor {
    let replaced = replacing(answers)
    let swapped = swapping(answers)
    let wantsSwap = uniform([answers.size(0), 1]) .< 0.25
    // Where all symbols are the same, a swap changes nothing.
    let isChanged = (swapped .!= answers).any(1, keepingDimensions: true)
    return swapped.choose(where: wantsSwap .& isChanged, else: replaced)
  }

  /// Symbols to put in the place of others: half of them what another answer has there, half any.
  private func replacements(for answers: Tensor) -> Tensor {
    let (count, length) = (answers.size(0), answers.size(1))
    let others = answers.select(
      indices: Tensor.integers(in: 0..<count, [count], using: generator).to(device: device))
    let random = alphabet.select(
      indices: Tensor.integers(in: 0..<alphabet.count, [count * length], using: generator)
        .to(device: device)
    ).reshaped(count, length)
    return others.choose(where: uniform([count, 1]) .< 0.5, else: random)
  }

  private func replacing(_ answers: Tensor) -> Tensor {
    let (count, length) = (answers.size(0), answers.size(1))
    let size = alphabet.count
    guard size > 1 else { return answers }
    // A symbol from further along the alphabet, round and round, is never the same.
    let shifts = Tensor.integers(in: 1..<size, [count, length], using: generator).to(device: device)
    let ranks = ranks.select(indices: answers.reshaped(-1)).reshaped(count, length) + shifts
    let anything = alphabet.select(
      indices: ranks.remainder(dividingBy: Double(size)).to(.int64).reshaped(-1)
    ).reshaped(count, length)
    let others = answers.select(
      indices: Tensor.integers(in: 0..<count, [count], using: generator).to(device: device))
    let usesOther = (uniform([count, 1]) .< 0.7) .& (others .!= answers)
    let wrong = others.choose(where: usesOther, else: anything)
    // Rows that follow another answer change only where that one differs.
    let preferred = usesOther.to(.float32) + uniform(answers.shape) * 0.5
    let place = preferred.argmax(1, keepingDimensions: true)
    return answers.scattered(wrong.gather(place, along: 1), at: place, along: 1)
  }

  private func swapping(_ answers: Tensor) -> Tensor {
    let (count, length) = (answers.size(0), answers.size(1))
    let first = Tensor.integers(in: 0..<length, [count, 1], using: generator).to(device: device)
    let symbol = answers.gather(first, along: 1)
    let preferred = (answers .!= symbol).to(.float32) + uniform(answers.shape) * 0.5
    let second = preferred.argmax(1, keepingDimensions: true)
    return answers.scattered(answers.gather(second, along: 1), at: first, along: 1)
      .scattered(symbol, at: second, along: 1)
  }

  private func uniform(_ shape: [Int]) -> Tensor {
    Tensor.uniform(shape, using: generator).to(device: device)
  }
}
