import Torch

/// Embeddings of labelled items, checked once, so that no figure has to check them again.
public struct EmbeddingTable: Sendable {
  /// One row for each item, float32 `[N, D]` on the CPU, finite, outside of any graph.
  public let embeddings: Tensor
  /// The class of each item, 0 or more.
  public let labels: [Int]
  /// Where each item came from; empty strings where that is unknown.
  public let paths: [String]

  /// The number of items, N.
  public var count: Int { labels.count }
  /// The width of an embedding, D.
  public var width: Int { embeddings.size(1) }
  /// One more than the greatest label.
  public var classCount: Int { (labels.max() ?? -1) + 1 }

  /// Puts embeddings and what is known about them side by side.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, D]` of any floating-point type on any device.
  ///   - labels: the N classes, 0 or more.
  ///   - paths: the N sources; nil where they do not matter.
  /// - Throws: `EmbeddingError.notAMatrix`, `.countMismatch`, `.invalidLabel`,
  ///   `.nonFiniteEmbedding` with the first bad row.
  public init(
    embeddings: Tensor, labels: [Int], paths: [String]? = nil
  ) throws {
    guard embeddings.rank == 2, embeddings.size(1) > 0 else {
      throw EmbeddingError.notAMatrix(shape: embeddings.shape)
    }
    let count = embeddings.size(0)
    let paths = paths ?? Array(repeating: "", count: labels.count)
    guard labels.count == count, paths.count == count else {
      throw EmbeddingError.countMismatch(
        embeddings: count, labels: labels.count, paths: paths.count)
    }
    if let row = labels.firstIndex(where: { $0 < 0 }) {
      throw EmbeddingError.invalidLabel(row: row, found: labels[row])
    }
    let values = embeddings.detached().to(.float32, device: .cpu).contiguous()
    // A sum of many finite numbers can overflow: only then is a look at every row worth its time.
    if count > 0, !values.sum().item().isFinite {
      let bad = values.isFinite().all(1).array(of: Bool.self).firstIndex(of: false)
      if let bad { throw EmbeddingError.nonFiniteEmbedding(row: bad, path: paths[bad]) }
    }
    self.embeddings = values
    self.labels = labels
    self.paths = paths
  }

  /// The number of items of each class, `classCount` of them.
  public var classSizes: [Int] {
    labels.reduce(into: Array(repeating: 0, count: classCount)) { $0[$1] += 1 }
  }

  package func requireClasses() throws {
    let found = classSizes.count { $0 > 0 }
    guard found >= 2 else { throw EmbeddingError.tooFewClasses(found: found) }
  }

  package func requireWidth(of other: EmbeddingTable) throws {
    guard width == other.width else {
      throw EmbeddingError.widthMismatch(expected: other.width, found: width)
    }
  }
}
