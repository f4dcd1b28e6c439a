import EnergyDescent
import Torch

/// An anti-collapse regularizer with a configuration's settings, for whatever a method embeds.
struct Regularizer {
  let name: RegularizerName
  private let configuration: MethodConfiguration
  private let sigreg = SIGReg()
  private let vicreg = VICReg()
  private let infonce: InfoNCE

  init(_ name: RegularizerName, _ configuration: MethodConfiguration) {
    self.name = name
    self.configuration = configuration
    infonce = InfoNCE(temperature: configuration.temperature)
  }

  /// The penalty for V views of the same N items, `[V, N, D]`: a scalar.
  func callAsFunction(_ views: Tensor, using generator: RandomGenerator) -> Tensor {
    switch name {
    case .sigreg:
      let directions = SIGReg.directions(
        configuration.directions, width: views.size(2), using: generator, device: views.device)
      return sigreg(views, directions: directions)
    case .vicreg:
      // The invariance term is the method's own; its weight there is 1, so these are the paper's
      // divided by 25.
      let terms = (0..<views.size(0)).map { vicreg.regularizer(views[$0]) }
      return terms.dropFirst().reduce(terms[0], +) / Double(terms.count) / vicreg.invarianceWeight
    case .infonce:
      guard views.size(0) > 1 else { return repulsion(views[0]) }
      let terms = (1..<views.size(0)).map { infonce.bothWays(views[0], views[$0]) }
      return terms.dropFirst().reduce(terms[0], +) / Double(terms.count)
    }
  }

  /// The penalty for embeddings `[N, D]` of which at most `regularizedTokens` are tested.
  func ofTokens(_ tokens: Tensor, using generator: RandomGenerator) -> Tensor {
    let rows = tokens.reshaped(-1, tokens.size(-1))
    let wanted = min(configuration.regularizedTokens, rows.size(0))
    let chosen = Tensor.permutation(rows.size(0), using: generator).slice(0..<wanted)
    return self(
      rows.select(indices: chosen.to(device: rows.device)).unsqueezed(0), using: generator)
  }

  /// One set of embeddings has no partners to attract: only what InfoNCE repels by remains, the
  /// uniformity of Wang and Isola 2020, arXiv:2005.10242.
  private func repulsion(_ embeddings: Tensor) -> Tensor {
    let lengths = embeddings.norm(1, keepingDimensions: true).clamped(to: 1e-12...(.infinity))
    let unit = embeddings / lengths
    let itself = Tensor.identity(unit.size(0), dtype: .bool, device: unit.device)
    return (unit.matmul(unit.transposed()) / configuration.temperature)
      .filled(with: -.infinity, where: itself).logSumExp(1).mean()
  }

  /// How much of full collapse penalties show, given how many items each is of: SIGReg is about 0.41 N there.
  func collapseShares(_ penalties: (value: Tensor, count: Int)...) -> [Tensor] {
    guard name == .sigreg else { return [] }
    return penalties.map { $0.value.detached() / (0.41 * Double($0.count)) }
  }

  /// Prediction and regularization in the shares that the configuration says.
  func combine(prediction: Tensor, penalty: Tensor) -> Tensor {
    let lambda = configuration.weight(of: name)
    return prediction * (1 - lambda) + penalty * lambda
  }
}
