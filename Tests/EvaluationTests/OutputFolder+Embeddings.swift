import Foundation
import Torch

@testable import Embeddings

extension OutputFolder {
  /// Writes `e.npy` with its rows and description as `jepa embed` would.
  ///
  /// - Parameters:
  ///   - numbers: of one embedding after the other.
  ///   - paths: what each is of; the pictures need not be there.
  func embeddings(_ numbers: [Float], of paths: [String]) throws -> EmbeddingFile {
    let about = EmbeddingDescription(
      version: "1", modelSHA256: String(repeating: "0", count: 64), checkpoint: "/nowhere",
      encoder: "points", imageSize: 8, pooling: .mean, layer: -1, isNormalized: false,
      dtype: .float32, arithmetic: .float32, shape: [paths.count, numbers.count / paths.count])
    let header = NPYHeader(type: "<f4", shape: about.shape).bytes
    try write(Data(header) + numbers.withUnsafeBytes { Data($0) }, to: "e.npy")
    try write(Data(about.json().utf8), to: "e.json")
    let lines = paths.enumerated().map {
      DelimitedText.line(EmbeddingRow(path: $1), number: $0) + "\r\n"
    }
    let fields = DelimitedText.rowFields.joined(separator: ",")
    try write(Data((fields + "\r\n" + lines.joined()).utf8), to: "e.csv")
    return try EmbeddingFile(path: self("e.npy"))
  }
}
