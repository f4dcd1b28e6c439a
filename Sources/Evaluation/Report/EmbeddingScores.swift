import Embeddings

/// What one kind of embedding is worth: the figures of the trained encoder, of the same encoder with
/// random weights and of raw pixels are all made here, in the same way.
public struct EmbeddingScores: Equatable, Sendable {
  /// Share of the test items whose class kNN finds among the training items.
  public let knnTop1: Double
  /// Share of the test items whose class the linear probe finds.
  public let linearTop1: Double
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
    knnTop1 = try NearestNeighbours(among: train, k: k).top1(on: test)
    begin("linear probe")
    let probe = try LinearProbe(fitting: train, options: probeOptions)
    linearTop1 = try probe.top1(on: test)
    self.probe = probe.fit
    if measuresSpread { begin("RankMe") }
    spread = measuresSpread ? try EmbeddingSpread(of: train) : nil
  }
}
