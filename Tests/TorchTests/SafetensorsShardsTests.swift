import Foundation
import TestSupport
import Testing
import Torch

/// Models in several files, and indices that lie.
@Suite struct SafetensorsShardsTests {
  let folder = TemporaryPath("shards")

  init() throws {
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true)
    try write(["a": 1, "b": 2], to: "one.safetensors")
    try write(["c": 3], to: "two.safetensors")
  }

  private func write(_ tensors: [String: Double], to name: String) throws {
    try SafetensorsWriter.write(
      tensors.map { ($0.key, Tensor.full([2], $0.value)) }, to: "\(folder.path)/\(name)")
  }

  private func index(_ text: String) throws {
    try text.write(
      toFile: "\(folder.path)/model.safetensors.index.json", atomically: false, encoding: .utf8)
  }

  private let sound = #"{"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"}"#

  @Test func readsEveryShard() throws {
    try index(#"{"metadata": {"total_size": 24}, "weight_map": \#(sound)}"#)
    let shards = try #require(try SafetensorsShards(folder: folder.path))
    #expect(shards.names == ["a", "b", "c"])
    #expect(shards["c"]?.shape == [2] && shards["d"] == nil)
    #expect(try shards.withBytes(of: "b") { $0.loadUnaligned(as: Float.self) } == 2)
    #expect(throws: SafetensorsError.missingTensor(path: shards.path, tensor: "d")) {
      try shards.withBytes(of: "d") { $0.count }
    }
  }

  @Test func oneFileNeedsNoIndex() throws {
    #expect(try SafetensorsShards(folder: folder.path) == nil)
    try index("not JSON")
    try write(["a": 5], to: "model.safetensors")
    #expect(try SafetensorsShards(folder: folder.path)?.names == ["a"])
  }

  @Test(arguments: [
    ("[]", "expected a JSON object whose weight_map names a file for each tensor"),
    (#"{"weight_map": ["one.safetensors"]}"#, "expected a JSON object"),
    (#"{"weight_map": {"a": "../one.safetensors"}}"#, "found ../one.safetensors"),
    (#"{"weight_map": {"a": "/etc/passwd"}}"#, "found /etc/passwd"),
    (#"{"weight_map": {"a": "sub/one.safetensors"}}"#, "found sub/one.safetensors"),
    (#"{"weight_map": {"a": ".."}}"#, "found .."),
    (
      #"{"weight_map": {"a": "one.safetensors", "b": "one.safetensors"}}"#, ""
    ),
    (
      #"{"weight_map": {"a": "one.safetensors"}}"#, "\"b\" is in a shard and not in the index"
    ),
    (
      #"{"weight_map": {"a": "one.safetensors", "b": "one.safetensors", "c": "one.safetensors"}}"#,
      "one.safetensors has no tensor \"c\""
    ),
    (
      #"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}}"#,
      "two.safetensors has no tensor \"b\""
    ),
    (#"{"weight_map": {"a": "three.safetensors"}}"#, "could not open: No such file"),
  ])
  func indicesThatLie(text: String, message: String) throws {
    try index(text)
    if message.isEmpty {
      #expect(try SafetensorsShards(folder: folder.path)?.names == ["a", "b"])
    } else {
      #expect {
        _ = try SafetensorsShards(folder: folder.path)
      } throws: { "\($0)".contains(message) && "\($0)".contains(folder.path) }
    }
  }

  @Test func oneTensorInTwoShards() throws {
    try write(["a": 7, "c": 3], to: "two.safetensors")
    try index(#"{"weight_map": \#(sound)}"#)
    #expect(
      throws: SafetensorsError.duplicateKey(path: "\(folder.path)/two.safetensors", key: "a")
    ) { _ = try SafetensorsShards(folder: folder.path) }
  }
}
