import Foundation
import TestSupport
import Testing
import Torch

@testable import ImageJEPA

/// Models of real sizes: what is checked of them reads no weights.
@Suite struct ImportSizeTests {
  /// A file with a header and a hole where the numbers would be: no disk is taken.
  private func sparseFile(_ tensors: [(name: String, shape: [Int])], at path: String) throws -> Int
  {
    var offset = 0
    let entries = tensors.map { name, shape in
      let begin = offset
      offset += shape.reduce(2, *)
      return
        "\"\(name)\":{\"dtype\":\"F16\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(offset)]}"
    }
    let header = Data("{\(entries.joined(separator: ","))}".utf8)
    var file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
    file += header
    try file.write(to: URL(fileURLWithPath: path))
    #expect(truncate(path, off_t(file.count + offset)) == 0)
    return offset / 2
  }

  /// Meta's ViT-H/14 for pictures of 224 pixels: width 1280, 32 layers, 16 heads.
  @Test func hugeTransformersArePlannedWithoutTheirWeights() throws {
    let folder = TemporaryPath("huge")
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    try """
    {"model_type": "ijepa", "hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16,
     "intermediate_size": 5120, "image_size": 224, "patch_size": 14, "layer_norm_eps": 1e-6}
    """.write(toFile: "\(folder.path)/config.json", atomically: false, encoding: .utf8)
    let (width, hidden) = (1280, 5120)
    var tensors: [(name: String, shape: [Int])] = [
      ("embeddings.position_embeddings", [1, 256, width]),
      ("embeddings.patch_embeddings.projection.weight", [width, 3, 14, 14]),
      ("embeddings.patch_embeddings.projection.bias", [width]),
      ("layernorm.weight", [width]), ("layernorm.bias", [width]),
    ]
    for layer in 0..<32 {
      for (name, shape) in [
        ("layernorm_before", [width]), ("layernorm_after", [width]),
        ("attention.attention.query", [width, width]), ("attention.attention.key", [width, width]),
        ("attention.attention.value", [width, width]), ("attention.output.dense", [width, width]),
        ("intermediate.dense", [hidden, width]), ("output.dense", [width, hidden]),
      ] {
        tensors.append(("encoder.layer.\(layer).\(name).weight", shape))
        tensors.append(("encoder.layer.\(layer).\(name).bias", [shape[0]]))
      }
    }
    let count = try sparseFile(tensors, at: "\(folder.path)/model.safetensors")
    let plan = try ModelImport(folder: folder.path).plan()
    #expect(plan.weightCount == count && count == 630_762_240)
    #expect(plan.items.count == tensors.count)
    #expect(plan.description.torchDtype == "float16")
    #expect(plan.preprocessing == ImagePreprocessing(imageSize: 224))
    let shape = try plan.description.transformerShape(path: "config.json")
    #expect(shape.width == width && shape.depth == 32 && shape.heads == 16)
  }

  /// What is made without values has the names and shapes of what is made with them, and no more memory than it
  /// is given.
  @Test func networksWithoutValuesAreTheSameNetworks() throws {
    var configuration = EncoderConfiguration()
    for preset in [EncoderPreset.convMicro, .vitTiny] {
      configuration.preset = preset
      let made = try configuration.makeEncoder(imageSize: 32, using: RandomGenerator(seed: 1))
      let unset = try Initializer.withoutValues {
        try configuration.makeEncoder(imageSize: 32, using: RandomGenerator(seed: 1))
      }
      #expect(made.state.map(\.name) == unset.state.map(\.name))
      #expect(made.state.map(\.tensor.shape) == unset.state.map(\.tensor.shape))
      let again = try configuration.makeEncoder(imageSize: 32, using: RandomGenerator(seed: 1))
      for (one, other) in zip(made.state, again.state) {
        #expect(relativeDifference(other.tensor, from: one.tensor) == 0)
      }
    }
  }
}
