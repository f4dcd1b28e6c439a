import Foundation

/// What may explain the transition from one frame to the next.
public enum TransitionHypothesis: String, Codable, CaseIterable, Sendable {
  /// The frame before and the frame after changed places.
  case swapped
  /// The frame after is the frame before again.
  case repeated
  /// The frame after is the next one: nothing is wrong.
  case next
  /// One frame is missing between them.
  case skipped1
  /// Two frames are missing.
  case skipped2
  /// Four or more are missing.
  case skipped4
  /// The frame after belongs to another shot.
  case cut
}

/// An energy for each hypothesis on a transition: the inference that "the lowest energy explains it".
///
///     E_h(t) = -log softmax_h( W3 relu(W2 relu(W1 x(t) + b1) + b2) + b3 )
///
/// with x(t) the thirty centred logarithms of `TransitionDistances`. The network is small and has
/// seen no picture, only how far frames are apart; `jepa train transitions` fits it on synthetic clips.
public struct TransitionHypotheses: Codable, Sendable, Equatable {
  /// One layer: `outputs` rows of `inputs` weights, and a bias for each.
  public struct Layer: Codable, Sendable, Equatable {
    public let weights: [[Float]]
    public let biases: [Float]

    /// - Precondition: one bias for each row of weights, rows of one length.
    public init(weights: [[Float]], biases: [Float]) {
      precondition(
        weights.count == biases.count && weights.allSatisfy { $0.count == weights[0].count },
        "\(weights.count) rows of weights and \(biases.count) biases")
      self.weights = weights
      self.biases = biases
    }

    func callAsFunction(_ x: [Float]) -> [Float] {
      zip(weights, biases).map { row, bias in
        var sum = bias
        for (weight, value) in zip(row, x) { sum += weight * value }
        return sum
      }
    }
  }

  /// The distances' noise: see `TransitionDistances.centredLogarithms(floor:)`.
  public let floor: Double
  public let layers: [Layer]

  /// - Precondition: the first layer takes thirty numbers, the last gives one for each hypothesis.
  public init(floor: Double, layers: [Layer]) {
    precondition(
      layers.first?.weights.first?.count == 2 * TransitionDistances.pairCount
        && layers.last?.biases.count == TransitionHypothesis.allCases.count,
      "layers that do not go from 30 distances to 7 energies")
    self.floor = floor
    self.layers = layers
  }

  /// - Throws: `DecodingError` for layers that do not follow from each other, such as those of a damaged file.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    floor = try container.decode(Double.self, forKey: .floor)
    layers = try container.decode([Layer].self, forKey: .layers)
    var width = 2 * TransitionDistances.pairCount
    let fit = layers.allSatisfy { layer in
      defer { width = layer.biases.count }
      return layer.weights.count == layer.biases.count
        && layer.weights.allSatisfy { $0.count == width }
    }
    guard fit, width == TransitionHypothesis.allCases.count, floor > 0 else {
      throw DecodingError.dataCorruptedError(
        forKey: .layers, in: container,
        debugDescription: "expected layers from 30 distances to 7 energies")
    }
  }

  /// The energies in the order of `TransitionHypothesis.allCases`, in nats, all of 0 or more; the
  /// lowest explains the transition best.
  public func energies(of transition: TransitionDistances) -> [Double] {
    energies(ofCentredLogarithms: transition.centredLogarithms(floor: floor))
  }

  /// The same for distances whose logarithms were taken, with this network's `floor`, before.
  public func energies(ofCentredLogarithms logarithms: [Float]) -> [Double] {
    var x = logarithms
    for (index, layer) in layers.enumerated() {
      x = layer(x)
      if index + 1 < layers.count { x = x.map { max($0, 0) } }
    }
    let greatest = x.max()!
    let logSum = greatest + log(x.reduce(0) { $0 + exp($1 - greatest) })
    return x.map { Double(logSum - $0) }
  }

  /// The network that is shipped, for distances between pixels.
  public static let pixels: TransitionHypotheses = {
    let bytes = Data(PackageResources.transition_hypotheses_json)
    guard let network = try? JSONDecoder().decode(TransitionHypotheses.self, from: bytes) else {
      preconditionFailure("transition-hypotheses.json, which is built in, cannot be read")
    }
    return network
  }()
}
