import Torch

/// Each picture's nearest others by what is light and dark in them at 16 pixels a side, mirrored too: a second proposal, which minds
/// no colours, beside that of the embeddings.
struct LookAlikes {
  /// Others of each picture that are proposed.
  private static let perPicture = 10
  /// All products of two pictures are taken, so that there must not be too many.
  static let mostPictures = 20_000

  /// The pairs, the smaller number first, in their order; none among more pictures than can be compared.
  private(set) var pairs: [(first: Int, second: Int)] = []

  /// - Parameters:
  ///   - sketches: of pictures by number.
  ///   - split: with it only pairs of a number before it and one from it on are proposed.
  init(_ sketches: PictureSketches, acrossRow split: Int? = nil) {
    let numbers = sketches.numbers
    guard numbers.count > 1, numbers.count <= Self.mostPictures else { return }
    func rows(mirrored: Bool) -> Tensor {
      Tensor(
        numbers.flatMap { sketches.coarsest($0, mirrored: mirrored) },
        shape: [numbers.count, LumaSketch.sides[0] * LumaSketch.sides[0]])
    }
    let search = SimilaritySearch(rows(mirrored: false), mean: nil)
    let own = numbers.indices.map { Optional($0) }
    var found: Set<UInt64> = []
    for mirrored in [false, true] {
      let nearest = search.nearest(
        to: rows(mirrored: mirrored), top: Self.perPicture, excluding: own)
      for (row, matches) in nearest.enumerated() {
        for match in matches {
          let pair = (numbers[min(row, match.row)], numbers[max(row, match.row)])
          if let split, !(pair.0 < split && pair.1 >= split) { continue }
          found.insert(UInt64(pair.0) << 32 | UInt64(pair.1))
        }
      }
    }
    pairs = found.sorted().map { (Int($0 >> 32), Int($0 & 0xFFFF_FFFF)) }
  }
}
