import Embeddings
import Foundation
import Torch

/// The test pictures that are nearly training pictures, by the trained encoder's embeddings or by their bytes, and what
/// the figures are without them.
///
/// Another size, quality or crop of a training picture is no new picture: its class is known. By its embedding a
/// picture is nearly another one where `jepa duplicates` would say so. A small or little trained encoder says it of
/// pictures that are only alike, too: the pairs are there to be looked at.
public struct LeakedPictures: Codable, Equatable, Sendable {
  /// A test picture and the training picture that it is most similar to.
  public struct Pair: Codable, Equatable, Sendable {
    public let test: String
    public let train: String
    /// The cosine about the mean of different training pictures; 1 for files of the same bytes.
    public let similarity: Float
    public let sameBytes: Bool
  }

  /// The least cosine that counts.
  public let threshold: Float
  /// How many test pictures there are in all.
  public let testCount: Int
  /// In the order of the test pictures.
  public let pairs: [Pair]

  private static let mostExamples = 3
  /// Test pictures that are looked at together.
  private static let rowsAtOnce = 2048

  /// Looks for each test picture in the training pictures.
  ///
  /// - Parameters:
  ///   - train: embeddings by the trained encoder, with paths.
  ///   - test: the same of the test pictures.
  ///   - shared: the pictures of the same bytes.
  init(
    train: EmbeddingTable, test: EmbeddingTable, shared: [SharedPictures.Pair],
    threshold: Float = DuplicateGroups.defaultThreshold
  ) {
    let search = SimilaritySearch.forCopies(among: train.embeddings, threshold: threshold)
    let least = DuplicateGroups.least(threshold, isCentred: search.isCentred)
    let equal = Dictionary(shared.map { ($0.test, $0.train) }, uniquingKeysWith: { $1 })
    var pairs: [Pair] = []
    for start in stride(from: 0, to: test.count, by: Self.rowsAtOnce) {
      let rows = start..<min(start + Self.rowsAtOnce, test.count)
      let nearest = search.nearest(to: test.embeddings.slice(rows), top: 1)
      for (row, matches) in zip(rows, nearest) {
        if let same = equal[test.paths[row]] {
          pairs.append(Pair(test: test.paths[row], train: same, similarity: 1, sameBytes: true))
        } else if let match = matches.first, match.similarity >= least {
          pairs.append(
            Pair(
              test: test.paths[row], train: train.paths[match.row],
              similarity: min(match.similarity, 1), sameBytes: false))
        }
      }
    }
    self.threshold = threshold
    testCount = test.count
    self.pairs = pairs
  }

  /// For each test picture whether it is new.
  func isNew(_ paths: [String]) -> [Bool] {
    let known = Set(pairs.map(\.test))
    return paths.map { !known.contains($0) }
  }

  /// How many there are, and names of a few; nil where there is none that is not the same file.
  public var summary: String? {
    let near = pairs.filter { !$0.sameBytes }
    guard !near.isEmpty else { return nil }
    let names = near.sorted { $0.similarity > $1.similarity }.prefix(Self.mostExamples).map {
      "\($0.test) as \($0.train), \(String(format: "%.3f", $0.similarity))"
    }
    return "\(near.count) of \(testCount) test pictures \(near.count == 1 ? "is" : "are") nearly "
      + "in the training folder, by embeddings at \(threshold) (\(names.joined(separator: "; "))"
      + "\(near.count > Self.mostExamples ? "; …" : ""))"
  }
}
