import Foundation
import TestSupport
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import Files
@testable import ImageJEPA

/// A transformer of 16-pixel pictures with random weights, and the file of them.
struct TinyModel {
  let model: ImageModel
  private let folder = TemporaryPath("tiny-model")

  init(seed: UInt64 = 1) throws {
    let encoder = VisionTransformer(
      TransformerShape(width: 12, depth: 2, heads: 3, patchSize: 4, imageSize: 16),
      using: RandomGenerator(seed: seed))
    encoder.train(false)
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    let path = "\(folder.path)/model.safetensors"
    try SafetensorsWriter.write(encoder.state, to: path)
    model = ImageModel(
      encoder: encoder, preprocessing: ImagePreprocessing(imageSize: 16), path: path)
  }

  func embedder(_ change: (inout EmbeddingSettings) -> Void = { _ in }) throws -> PictureEmbedder {
    var settings = EmbeddingSettings()
    change(&settings)
    return try PictureEmbedder(model: model, settings: settings)
  }
}

/// A folder for what a test writes.
struct OutputFolder {
  private let folder = TemporaryPath("output")

  init() throws {
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
  }

  func callAsFunction(_ name: String) -> String { "\(folder.path)/\(name)" }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
  }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: self(name)))
  }

  func write(_ data: Data, to name: String) throws {
    try data.write(to: URL(fileURLWithPath: self(name)))
  }
}
