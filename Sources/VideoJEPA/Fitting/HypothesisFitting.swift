import EnergyDescent
import Files
import Torch

/// Fits the network of `TransitionHypotheses` by cross-entropy on examples.
public struct HypothesisFitting: Sendable {
  public var hiddenWidths = [40, 32]
  public var steps = 6000
  public var batchSize = 256
  public var stepSize = 3e-3
  public var weightDecay = 0.01
  public var seed: UInt64 = 1

  public init() {}

  /// The layers while they are fitted.
  private final class Network: Module {
    let layers: [Linear]

    init(_ widths: [Int], using generator: RandomGenerator) {
      layers = zip(widths, widths.dropFirst()).map { Linear($0, $1, using: generator) }
      super.init()
      for (index, layer) in layers.enumerated() { register(layer, as: "\(index)") }
    }

    /// `[B, 30]` to logits `[B, 7]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
      var x = x
      for (index, layer) in layers.enumerated() {
        x = layer(x)
        if index + 1 < layers.count { x = x.relu() }
      }
      return x
    }
  }

  /// - Parameters:
  ///   - examples: distances among six frames, and which hypothesis is true of each.
  ///   - progress: is told how many steps are done.
  ///   - report: called every 500 steps with the step and the batch's cross-entropy in nats.
  /// - Throws: `InputError.tooFewItems` where there are fewer examples than a batch holds.
  public func fit(
    _ examples: TransitionExamples, progress: WorkProgress? = nil,
    report: (_ step: Int, _ loss: Double) -> Void = { _, _ in }
  ) throws(InputError) -> TransitionHypotheses {
    guard examples.labels.count >= batchSize else {
      throw .tooFewItems(
        purpose: "fitting the hypotheses", needed: batchSize, found: examples.labels.count)
    }
    let hypotheses = TransitionHypothesis.allCases
    let width = 2 * TransitionDistances.pairCount
    let generator = RandomGenerator(seed: seed)
    let network = Network([width] + hiddenWidths + [hypotheses.count], using: generator)
    network.requireGradients(true)
    let inputs = Tensor(examples.inputs.flatMap { $0 }, shape: [examples.inputs.count, width])
    let labels = Tensor(examples.labels.map { Int64(hypotheses.firstIndex(of: $0)!) })
    let descent = WeightDescent(
      [("network", network)], betas: (0.9, 0.99), weightDecay: weightDecay, clipNorm: 1)
    let schedule = Schedule(peak: stepSize, end: 0, warmup: 0.05, shape: .cosine)
    progress?.begin("fitting, step", total: steps)
    for step in 0..<steps {
      progress?.update(step)
      let batch = Tensor.integers(
        in: 0..<examples.labels.count, [batchSize], using: generator)
      let loss = network(inputs.select(indices: batch)).crossEntropy(labels.select(indices: batch))
      loss.backward()
      descent.step(stepSize: schedule.value(at: Double(step) / Double(steps)))
      if step % 500 == 0 || step + 1 == steps { report(step, loss.item()) }
    }
    return TransitionHypotheses(
      floor: examples.floor,
      layers: network.layers.map { layer in
        let weights = layer.weight.detached().array(of: Float.self)
        let inputs = layer.weight.size(1)
        return TransitionHypotheses.Layer(
          weights: stride(from: 0, to: weights.count, by: inputs).map {
            weights[$0..<$0 + inputs].map(Self.rounded)
          },
          biases: layer.bias!.detached().array(of: Float.self).map(Self.rounded))
      })
  }

  /// To 1/4096, which is enough and keeps the file short.
  private static func rounded(_ value: Float) -> Float { (value * 4096).rounded() / 4096 }
}

/// How often the lowest energy names what really explains a transition.
public struct HypothesisAccuracy: Sendable, Equatable {
  /// `named[a][b]`: how many transitions of hypothesis a were explained by b, in the order of
  /// `TransitionHypothesis.allCases`.
  public private(set) var named: [[Int]]

  public init(_ hypotheses: TransitionHypotheses, on examples: TransitionExamples) {
    let all = TransitionHypothesis.allCases
    named = all.map { _ in all.map { _ in 0 } }
    for (input, label) in zip(examples.inputs, examples.labels) {
      let energies = hypotheses.energies(ofCentredLogarithms: input)
      let best = energies.indices.min { energies[$0] < energies[$1] }!
      named[all.firstIndex(of: label)!][best] += 1
    }
  }

  /// The share of transitions of `hypothesis` that are named rightly, 0...1.
  public func share(of hypothesis: TransitionHypothesis) -> Double {
    let place = TransitionHypothesis.allCases.firstIndex(of: hypothesis)!
    return Double(named[place][place]) / Double(max(1, named[place].reduce(0, +)))
  }
}

extension HypothesisAccuracy: CustomStringConvertible {
  /// A table: a row for what is so, a column for what was named.
  public var description: String {
    let names = TransitionHypothesis.allCases.map(\.rawValue)
    func cell(_ text: String) -> String {
      String(repeating: " ", count: max(0, 10 - text.count)) + text
    }
    let head = cell("") + names.map(cell).joined()
    let rows = zip(names, named).map { name, counts in
      let total = Double(max(1, counts.reduce(0, +)))
      return cell(name)
        + counts.map { cell("\((Double($0) / total * 1000).rounded() / 1000)") }.joined()
    }
    return ([head] + rows).joined(separator: "\n")
  }
}
