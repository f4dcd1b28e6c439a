import Files
import Torch

/// The rows of an embedding file in the order of their paths, so that no answer depends on the order of the file:
/// pictures that are there first, then frames of videos, then what is not there any more.
struct OrderedRows {
  private let rows: [EmbeddingRow]
  private let kinds: [Kind]
  /// For each place in the order the number of its row.
  let numbers: [Int]

  private enum Kind: Int { case picture, frame, missing }

  init(_ rows: [EmbeddingRow]) {
    self.rows = rows
    let kinds = rows.map { row -> Kind in
      FileIdentity(path: row.path) == nil ? .missing : row.frame == nil ? .picture : .frame
    }
    self.kinds = kinds
    numbers = rows.indices.sorted {
      guard kinds[$0] == kinds[$1] else { return kinds[$0].rawValue < kinds[$1].rawValue }
      guard rows[$0].path.utf8.elementsEqual(rows[$1].path.utf8) else {
        return rows[$0].path.utf8.lexicographicallyPrecedes(rows[$1].path.utf8)
      }
      return (rows[$0].frame ?? 0, $0) < (rows[$1].frame ?? 0, $1)
    }
  }

  var count: Int { numbers.count }

  /// The row at a place of the order.
  subscript(place: Int) -> EmbeddingRow { rows[numbers[place]] }

  /// Whether a place holds a picture with a file of its own, which is there.
  func isPicture(_ place: Int) -> Bool { kinds[numbers[place]] == .picture }

  func isMissing(_ place: Int) -> Bool { kinds[numbers[place]] == .missing }

  /// How many rows' pictures are not there any more.
  var missingCount: Int { kinds.count { $0 == .missing } }

  /// What is known of the pictures' files, in the order.
  func equalFiles() -> EqualFiles {
    EqualFiles(
      fileSystemPaths: numbers.map {
        kinds[$0] == .picture ? Array(rows[$0].path.utf8CString) : nil
      })
  }

  /// Rows of a matrix `[N, D]`, by places of the order.
  func select(_ places: some Collection<Int>, of matrix: Tensor) -> Tensor {
    let chosen = places.map { numbers[$0] }
    guard !chosen.elementsEqual(0..<matrix.size(0)) else { return matrix }
    return matrix.select(indices: Tensor(chosen.map(Int64.init)))
  }
}
