import EnergyDescent
import Learning
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
  ///
  /// - Parameter shares: how the items lie on several processes, of which these are this one's; nil for one. Each process has
  ///   a penalty of its own, whose mean over the processes is that of all items.
  func callAsFunction(
    _ views: Tensor, shares: RowShares?, using generator: RandomGenerator
  ) -> Tensor {
    switch name {
    case .sigreg:
      let directions = SIGReg.directions(
        configuration.directions, width: views.size(2), using: generator, device: views.device)
      return sigreg(views, directions: directions, shares: shares)
    case .vicreg:
      // The invariance term is the method's own; its weight there is 1, so these are the paper's
      // divided by 25.
      return vicreg.regularizer(ofSets: views, shares: shares) / vicreg.invarianceWeight
    case .infonce:
      // One set of embeddings has no partners to attract: only what InfoNCE repels by remains.
      return views.size(0) > 1
        ? infonce.bothWays(views: views, shares: shares)
        : infonce.repulsion(views[0], shares: shares)
    }
  }

  /// The penalty for the tokens `[B, N, D]` of the items of a share, of all of which at most `regularizedTokens` are tested.
  func ofTokens(
    _ tokens: Tensor, of share: ItemShare, using generator: RandomGenerator
  ) -> Tensor {
    let each = tokens.size(1)
    let sample = share.sample(
      testedTokens(of: share, each: each), of: tokens.reshaped(-1, tokens.size(-1)), each: each,
      using: generator)
    return self(sample.rows.unsqueezed(0), shares: sample.shares, using: generator)
  }

  /// How many of the items' tokens, `each` of one, are tested.
  func testedTokens(of share: ItemShare, each: Int) -> Int {
    min(configuration.regularizedTokens, share.total * each)
  }

  /// How much of full collapse penalties show, given how many items each is of.
  func collapseShares(_ penalties: (value: Tensor, count: Int)...) -> [Tensor] {
    guard name == .sigreg else { return [] }
    return penalties.map { $0.value.detached() / SIGReg.collapsed(count: $0.count) }
  }

  /// Prediction and regularization in the shares that the configuration says.
  func combine(prediction: Tensor, penalty: Tensor) -> Tensor {
    let lambda = configuration.weight(of: name)
    return prediction * (1 - lambda) + penalty * lambda
  }
}
