import Foundation
import Torch

/// What the tokens of clean pictures are like: how badly they are predicted, and which there are at all.
///
/// Each token gets two numbers. Its **energy** is that of a normal distribution of the errors of its prediction from
/// its surroundings, which knows in which directions predictions fail anyway (`TokenReadout`). Its **distance** is
/// that to the nearest of a coreset of the clean pictures' tokens: Roth et al. 2022, arXiv:2106.08265 ("PatchCore").
/// Both are taken as logarithms.
struct TokenFit {
  /// Of tokens.
  let whitening: TokenWhitening
  /// nil where nothing is predicted.
  let readout: TokenReadout?
  /// A coreset of whitened tokens.
  let bank: TokenBank

  /// How much of the mean variance every direction has at least.
  static let floor = 0.01
  /// The coreset is a tenth of the tokens, and at most so many.
  private static let mostBankTokens = 2000

  /// - Parameter seed: fixes the coreset's draws.
  init(_ table: TokenTable, seed: UInt64) {
    let rows = table.tokens.flattened(0, 1)
    whitening = TokenWhitening(of: rows, floor: Self.floor)
    let white = whitening(rows)
    let count = max(1, min(Self.mostBankTokens, rows.size(0) / 10))
    let chosen = CoreSet.choose(count, of: white, seed: seed)
    bank = TokenBank(
      white.select(indices: Tensor(chosen.map(Int64.init), shape: [chosen.count])).contiguous())
    readout = table.predictions.map { predictions in
      TokenReadout(tokens: white.reshaped(table.tokens.shape), predictions: predictions)
    }
  }

  init(whitening: TokenWhitening, readout: TokenReadout?, bank: TokenBank) {
    self.whitening = whitening
    self.readout = readout
    self.bank = bank
  }

  /// The energy of every token, `[n, N]`; nil where nothing is predicted.
  func energies(of table: TokenTable) -> Tensor? {
    guard let readout, let predictions = table.predictions else { return nil }
    return withoutGradient {
      readout.errors(of: whitening(table.tokens), predictions: predictions).squared().mean(2)
        .clamped(to: 1e-9...(.infinity)).log()
    }
  }

  /// The distance of every token, `[n, N]`.
  func distances(of table: TokenTable) -> Tensor {
    withoutGradient {
      bank.distances(of: whitening(table.tokens.flattened(0, 1)))
        .reshaped(table.count, table.tokens.size(1)).clamped(to: 1e-6...(.infinity)).log()
    }
  }
}
