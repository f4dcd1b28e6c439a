import Foundation
import TestSupport
import Torch

@testable import Embeddings

/// A file of embeddings on a circle, among 128 others that are far from each other and from it, whose pictures are not there.
struct CircleFile {
  private let folder: OutputFolder

  init(_ folder: OutputFolder) { self.folder = folder }

  /// Pictures that are not there, each with its opposite: their mean is 0.
  private static let others = {
    let half = Tensor.normal([64, 24], using: RandomGenerator(seed: 2)) * 0.3
    return Tensor.concatenate([half, half * -1]).array(of: Float.self)
  }()

  /// Writes the rows given, and then those of the others.
  func write(_ rows: [(path: String, degrees: Double)]) throws -> EmbeddingFile {
    let count = Self.others.count / 24
    let all = rows.map(\.path) + (0..<count).map { folder("none/other\($0).png") }
    let circle = rows.flatMap { row -> [Float] in
      let angle = row.degrees * .pi / 180
      return [Float(cos(angle)), Float(sin(angle))] + Array(repeating: 0, count: 22)
    }
    return try folder.embeddings(circle + Self.others, of: all)
  }
}
