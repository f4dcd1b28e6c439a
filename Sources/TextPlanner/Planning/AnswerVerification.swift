import EnergyDescent
import Torch

/// Stops an item whose decoded answer, read again, has low energy; remembers the best answer of each.
///
/// An answer is looked at only when it is another than the last one that was. Where residuals are followed,
/// it is what the prediction decodes to, before a step is taken there: what the next evaluation would cost
/// is spent on reading the answer instead.
final class AnswerVerification: StopRule {
  let reason = "verified"
  let wins = true
  private let model: PlannerModel
  private let conditioning: Conditioning
  private let accepts: Bool
  private let roundingSlack: Double
  /// The answers that the items still moving were last asked for, int64 `[n, A]`, and their energies `[n]`.
  private var last: (symbols: Tensor, energies: Tensor)?
  /// For each item of the batch what was decoded last, int64 `[B, A]`.
  private var guesses: Tensor
  /// For each item of the batch its best answer (int64 `[B, A]`), that one's energy `[B]`, how many answers were
  /// looked at, and how often latents were decoded.
  private(set) var bestSymbols: Tensor
  private(set) var bestEnergies: [Double]
  private(set) var counts: [Int]
  private(set) var decodings: [Int]

  /// - Parameters:
  ///   - accepts: whether items stop; the best answers are remembered in any case.
  ///   - roundingSlack: latents that are no answer yet are not asked for one: what they decode to is looked
  ///     at where 1/2 |z - enc(dec z)|^2 is below so many times the threshold.
  init(
    _ model: PlannerModel, _ conditioning: Conditioning, accepts: Bool,
    roundingSlack: Double = .infinity
  ) {
    self.model = model
    self.conditioning = conditioning
    self.accepts = accepts
    self.roundingSlack = roundingSlack
    let count = conditioning.count
    bestSymbols = Tensor.zeros(
      [count, model.limits.answerLength], dtype: .int64, device: model.device)
    guesses = bestSymbols.clone()
    bestEnergies = [Double](repeating: .infinity, count: count)
    counts = [Int](repeating: 0, count: count)
    decodings = counts
  }

  func stops(_ observation: Observation) -> Tensor {
    let count = observation.items.size(0)
    let device = model.device
    // What noise decodes to is no answer; what is predicted from noise is.
    let latents =
      observation.predictions.first ?? (observation.step > 0 ? observation.variables[0] : nil)
    guard let latents else { return Tensor.zeros([count], dtype: .bool, device: device) }
    let symbols = model.autoencoder.decode(latents)
    guesses.assign(symbols, at: observation.items)
    let numbers: [Int64] = observation.items.to(device: .cpu).array()
    for item in numbers { decodings[Int(item)] += 1 }

    let isNew =
      last.map { ($0.symbols .!= symbols).any(1) }
      ?? Tensor.ones([count], dtype: .bool, device: device)
    let isAsked = roundingSlack.isFinite ? isNew .& isNear(latents, to: symbols) : isNew
    var read = last?.symbols ?? Tensor.full(symbols.shape, -1, dtype: .int64, device: device)
    var energies = last?.energies ?? Tensor.full([count], .infinity, device: device)
    let rows = isAsked.to(device: .cpu).array(of: Bool.self).enumerated().filter(\.element)
      .map { Int64($0.offset) }
    if !rows.isEmpty {
      let places = Tensor(rows).to(device: device)
      let asked = symbols.select(indices: places)
      let fresh = look(at: asked, of: observation.items.select(indices: places))
      (read, energies) = (read.clone(), energies.clone())
      read.assign(asked, at: places)
      energies.assign(fresh, at: places)
    }
    last = (read, energies)
    return accepts
      ? energies .< model.threshold : Tensor.zeros([count], dtype: .bool, device: device)
  }

  /// Whether rounding latents to what they decode to costs little, bool `[n]`.
  private func isNear(_ latents: Tensor, to symbols: Tensor) -> Tensor {
    (latents - model.autoencoder.encode(symbols)).squared().sum(1, 2) * 0.5
      .< roundingSlack * model.threshold
  }

  /// Looks at what was decoded last for some items of the batch, of which no answer was looked at.
  func lookAtGuesses(of items: [Int]) {
    let items = items.filter { counts[$0] == 0 }
    guard !items.isEmpty else { return }
    let places = Tensor(items.map(Int64.init)).to(device: model.device)
    _ = look(at: guesses.select(indices: places), of: places)
  }

  /// The energies of answers, which are remembered where they are the best so far.
  private func look(at symbols: Tensor, of items: Tensor) -> Tensor {
    let energies = model.energies(ofAnswers: symbols, conditioning.select(items: items))
    let numbers: [Int64] = items.to(device: .cpu).array()
    let values = energies.to(.float64, device: .cpu).array(of: Double.self)
    var better: [Int64] = []
    var rows: [Int64] = []
    for (row, (item, value)) in zip(numbers, values).enumerated() {
      counts[Int(item)] += 1
      // The first answer is remembered whatever its energy, also where that is not a number.
      guard counts[Int(item)] == 1 || value < bestEnergies[Int(item)] else { continue }
      bestEnergies[Int(item)] = value.isNaN ? .infinity : value
      better.append(item)
      rows.append(Int64(row))
    }
    if !better.isEmpty {
      let device = model.device
      bestSymbols.assign(
        symbols.select(indices: Tensor(rows).to(device: device)),
        at: Tensor(better).to(device: device))
    }
    return energies
  }

  func keep(rows: Tensor) {
    last = last.map { ($0.symbols.select(indices: rows), $0.energies.select(indices: rows)) }
  }
}
