import Foundation
import TestSupport
import Torch

@testable import Embeddings

/// A file of embeddings on a circle, among 128 others that are far from each other and from it, whose pictures are not there.
struct CircleFile {
  private let folder: OutputFolder
  private let description = EmbeddingDescription(
    version: "1", modelSHA256: String(repeating: "0", count: 64), checkpoint: "/nowhere",
    encoder: "circle 2", imageSize: 8, pooling: .mean, layer: -1, isNormalized: false,
    dtype: .float32, arithmetic: .float32, shape: [0, 2])

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
    let numbers = circle + Self.others
    var about = description
    about.shape = [all.count, 24]
    let path = folder("e.npy")
    let header = NPYHeader(type: "<f4", shape: about.shape).bytes
    try folder.write(Data(header) + numbers.withUnsafeBytes { Data($0) }, to: "e.npy")
    try folder.write(Data(about.json().utf8), to: "e.json")
    let lines = all.enumerated().map {
      DelimitedText.line(EmbeddingRow(path: $1), number: $0) + "\r\n"
    }
    try folder.write(
      Data((DelimitedText.rowFields.joined(separator: ",") + "\r\n" + lines.joined()).utf8),
      to: "e.csv")
    return try EmbeddingFile(path: path)
  }
}
