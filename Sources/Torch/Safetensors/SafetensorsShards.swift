import Foundation

/// The tensors of one model, in one safetensors file or in several (shards) that an index lists, as Hugging
/// Face writes models above some gigabytes.
///
/// The index is a JSON object whose `weight_map` says which file each tensor is in. It is not trusted: a shard is
/// a file of the index's own folder, and must hold exactly the tensors that the index says.
public struct SafetensorsShards: Sendable {
  /// The path of the file, or of the index.
  public let path: String
  private let files: [SafetensorsFile]
  private let places: [String: Int]

  /// Opens `NAME.safetensors` in a folder, or the shards of `NAME.safetensors.index.json` beside it.
  ///
  /// - Returns: nil where there is neither.
  /// - Throws: `SafetensorsError`.
  public init?(folder: String, name: String = "model") throws {
    let file = "\(folder)/\(name).safetensors"
    let index = "\(file).index.json"
    if FileManager.default.fileExists(atPath: file) {
      try self.init(path: file, shards: [file])
    } else if FileManager.default.fileExists(atPath: index) {
      try self.init(index: index)
    } else {
      return nil
    }
  }

  private init(index: String) throws {
    struct Index: Decodable {
      let files: [String: String]
      enum CodingKeys: String, CodingKey { case files = "weight_map" }
    }
    func malformed(_ reason: String) -> SafetensorsError {
      .malformedIndex(path: index, reason: reason)
    }
    guard let data = FileManager.default.contents(atPath: index),
      data.count <= SafetensorsFile.maximumHeaderByteCount,
      let map = try? JSONDecoder().decode(Index.self, from: data).files
    else { throw malformed("expected a JSON object whose weight_map names a file for each tensor") }
    let names = Set(map.values).sorted()
    for name in names where name.contains("/") || name.hasPrefix(".") || name.contains("\0") {
      throw malformed("expected the names of files beside it, found \(name)")
    }
    let folder = URL(fileURLWithPath: index).deletingLastPathComponent().path
    try self.init(path: index, shards: names.map { "\(folder)/\($0)" })
    for (tensor, name) in map.sorted(by: { $0.key < $1.key })
    where places[tensor].map({ names[$0] }) != name {
      throw malformed("\(name) has no tensor \"\(tensor)\"")
    }
    for tensor in self.names where map[tensor] == nil {
      throw malformed("\"\(tensor)\" is in a shard and not in the index")
    }
  }

  private init(path: String, shards: [String]) throws {
    var files: [SafetensorsFile] = []
    var places: [String: Int] = [:]
    for shard in shards {
      let file = try SafetensorsFile(path: shard)
      for name in file.names where places.updateValue(files.count, forKey: name) != nil {
        throw SafetensorsError.duplicateKey(path: shard, key: name)
      }
      files.append(file)
    }
    self.path = path
    self.files = files
    self.places = places
  }

  /// The names of all tensors, in order.
  public var names: [String] { places.keys.sorted() }

  /// What the files say of one tensor; nil where there is none of this name.
  public subscript(name: String) -> SafetensorsEntry? {
    places[name].flatMap { try? files[$0].entry(name) }
  }

  /// Checks that the numbers of a tensor are numbers; those of integers always are.
  ///
  /// - Parameters:
  ///   - bytes: the tensor's, as `withBytes(of:_:)` gives them.
  ///   - name: the tensor's.
  /// - Throws: `SafetensorsError.notFinite`.
  public func requireFinite(
    _ bytes: UnsafeRawBufferPointer, of name: String
  ) throws(SafetensorsError) {
    guard let dtype = self[name]?.dtype else { return }
    let count = dtype.nonFiniteCount(in: bytes)
    guard count == 0 else {
      throw .notFinite(
        path: path, tensor: name, count: count, of: bytes.count / dtype.byteCount)
    }
  }

  /// Calls `body` with the bytes of one tensor: little-endian, row-major, not copied.
  ///
  /// - Throws: `SafetensorsError.missingTensor`, or what `body` throws.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    guard let place = places[name] else {
      throw SafetensorsError.missingTensor(path: path, tensor: name)
    }
    return try files[place].withBytes(of: name, body)
  }
}
