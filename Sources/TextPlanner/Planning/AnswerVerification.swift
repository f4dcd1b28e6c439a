import EnergyDescent
import Torch

/// Stops an item whose decoded answer, read again, has low energy; remembers the best answer of each.
///
/// An answer is looked at only when it is another than the step before.
final class AnswerVerification: StopRule {
  let reason = "verified"
  private let model: PlannerModel
  private let conditioning: Conditioning
  private let accepts: Bool
  /// The last answers of the items that still move, int64 `[n, A]`, and their energies `[n]`.
  private var last: (symbols: Tensor, energies: Tensor)?
  /// For each item of the batch its best answer (int64 `[B, A]`), that one's energy `[B]`, and how many
  /// answers were looked at.
  private(set) var bestSymbols: Tensor
  private(set) var bestEnergies: [Double]
  private(set) var counts: [Int]

  /// - Parameter accepts: whether items stop; the best answers are remembered in any case.
  init(_ model: PlannerModel, _ conditioning: Conditioning, accepts: Bool) {
    self.model = model
    self.conditioning = conditioning
    self.accepts = accepts
    let count = conditioning.count
    bestSymbols = Tensor.zeros(
      [count, model.limits.answerLength], dtype: .int64, device: model.device)
    bestEnergies = [Double](repeating: .infinity, count: count)
    counts = [Int](repeating: 0, count: count)
  }

  func stops(_ observation: Observation) -> Tensor {
    let count = observation.items.size(0)
    let device = model.device
    // What noise decodes to is no answer.
    guard observation.step > 0 else { return Tensor.zeros([count], dtype: .bool, device: device) }
    let symbols = model.autoencoder.decode(observation.variables[0])
    var energies = last?.energies ?? Tensor.full([count], .infinity, device: device)
    let changed: [Bool] =
      last.map { ($0.symbols .!= symbols).any(1).to(device: .cpu).array() }
      ?? [Bool](repeating: true, count: count)
    let rows = changed.indices.filter { changed[$0] }
    if !rows.isEmpty {
      let places = Tensor(rows.map(Int64.init)).to(device: device)
      let items = observation.items.select(indices: places)
      let fresh = model.energies(
        ofAnswers: symbols.select(indices: places), conditioning.select(items: items))
      energies = energies.clone()
      energies.assign(fresh, at: places)
      remember(symbols.select(indices: places), fresh, items)
    }
    last = (symbols, energies)
    return accepts
      ? energies .< model.threshold : Tensor.zeros([count], dtype: .bool, device: device)
  }

  private func remember(_ symbols: Tensor, _ energies: Tensor, _ items: Tensor) {
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
    guard !better.isEmpty else { return }
    let device = model.device
    bestSymbols.assign(
      symbols.select(indices: Tensor(rows).to(device: device)),
      at: Tensor(better).to(device: device))
  }

  func keep(rows: Tensor) {
    last = last.map { ($0.symbols.select(indices: rows), $0.energies.select(indices: rows)) }
  }
}
