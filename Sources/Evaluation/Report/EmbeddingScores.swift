import Embeddings

/// What one kind of embedding is worth: the figures of the trained encoder, of the same encoder with
/// random weights and of raw pixels are all made here, in the same way.
public struct EmbeddingScores: Equatable, Sendable {
  /// Share of the test items whose class kNN finds among the training items.
  public let knnTop1: Double
  /// Share of the test items whose class the linear probe finds.
  public let linearTop1: Double
  /// Of each test item whether kNN finds its class.
  let isRightByKNN: [Bool]
  /// Of each test item whether the linear probe finds its class.
  let isRightByProbe: [Bool]
  /// Of the training embeddings; nil where it was not asked for.
  public let spread: EmbeddingSpread?
  /// How the probe was fitted.
  public let probe: LinearProbe.Fit

  /// Scores embeddings of training and test items.
  ///
  /// - Parameters:
  ///   - k: the neighbours that vote.
  ///   - probeOptions: how the probe is fitted.
  ///   - measuresSpread: RankMe of D = 3,072 dimensions takes longer than it tells of raw pixels.
  ///   - begin: is told what is begun.
  /// - Throws: `InputError`, `EmbeddingError` as `NearestNeighbours` and `LinearProbe` do.
  public init(
    train: EmbeddingTable, test: EmbeddingTable, k: Int = 20,
    probeOptions: LinearProbe.Options = .init(), measuresSpread: Bool = true,
    begin: (String) -> Void = { _ in }
  ) throws {
    try test.requireWidth(of: train)
    begin("kNN")
    let neighbours = try NearestNeighbours(among: train, k: k)
    try train.requireClasses()
    isRightByKNN = zip(try neighbours.classify(test), test.labels).map { $0 == $1 }
    knnTop1 = try share(of: isRightByKNN)
    begin("linear probe")
    let probe = try LinearProbe(fitting: train, options: probeOptions)
    isRightByProbe = zip(try probe.classify(test), test.labels).map { $0 == $1 }
    linearTop1 = try share(of: isRightByProbe)
    self.probe = probe.fit
    if measuresSpread { begin("RankMe") }
    spread = measuresSpread ? try EmbeddingSpread(of: train) : nil
  }
}
