import Files
import Foundation
import Torch

/// The folder of a published model, looked at before its tensors are: what it lacks, or is instead, is
/// told with the way to what import takes.
struct PublishedModelFolder {
  let path: String

  private var configuration: String { "\(path)/\(ImageModel.configurationName)" }

  /// Checks that there is a folder.
  ///
  /// - Throws: `ModelError.notDownloaded`, `.noFolder`, `.fileForFolder`.
  init(_ path: String) throws(ModelError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      if let name = Self.hubName(in: path) { throw .notDownloaded(path: path, name: name) }
      throw .noFolder(path: path)
    }
    guard isFolder.boolValue else {
      let folder = PathParts(path).folder
      throw .fileForFolder(path: path, folder: folder.isEmpty ? "." : folder)
    }
    self.path = path
  }

  /// `owner/name` where that is all there is, or after the address of Hugging Face's hub.
  private static func hubName(in path: String) -> String? {
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count >= 5, ["https:", "http:"].contains(parts[0]), parts[2] == "huggingface.co" {
      parts = Array(parts[3...4])
    }
    func isName(_ part: Substring) -> Bool {
      !part.isEmpty && !part.hasPrefix(".")
        && part.allSatisfy {
          $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0))
        }
    }
    guard parts.count == 2, parts.allSatisfy(isName),
      !FileManager.default.fileExists(atPath: String(parts[0]))
    else { return nil }
    return parts.joined(separator: "/")
  }

  /// What `config.json` says the model is.
  struct Kind: Decodable {
    var modelType: String?
    var architectures: [String]?
    /// timm's name of the model, such as `vit_small_patch14_dinov2`.
    var architecture: String?
    enum CodingKeys: String, CodingKey {
      case architectures, architecture
      case modelType = "model_type"
    }
  }

  /// The kind of the model; nil where there is no `config.json`.
  ///
  /// - Parameter isGiven: whether the user says whose names the tensors have, and is believed.
  /// - Throws: `ModelError.unsupportedModel` for one that import does not take; `RunError`.
  func kind(isGiven: Bool) throws -> Kind? {
    guard FileManager.default.fileExists(atPath: configuration) else { return nil }
    let kind = try JSONFile.read(Kind.self, from: configuration)
    guard !isGiven else { return kind }
    if let type = kind.modelType, !ModelDescription.known.contains(type) {
      throw ModelError.unsupportedModel(
        path: configuration, expected: ModelLayout.importable,
        found: "model_type \(type)" + (kind.architectures?.first.map { " (\($0))" } ?? ""))
    }
    if kind.modelType == nil, let name = kind.architecture,
      !ModelLayout.timmFamilies.contains(where: name.hasPrefix)
    {
      throw ModelError.unsupportedModel(
        path: configuration, expected: ModelLayout.importable, found: "the architecture \(name)")
    }
    return kind
  }

  /// The model's tensors.
  ///
  /// - Throws: `ModelError.noWeights`, which says how other files become safetensors;
  ///   `SafetensorsError`.
  func tensors() throws -> SafetensorsShards {
    if let tensors = try SafetensorsShards(folder: path) { return tensors }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let found = names.filter { Self.weightEndings.contains(PathParts($0).ending) }.sorted()
    throw ModelError.noWeights(
      folder: path, found: found, advice: Self.advice(for: found, in: path))
  }

  private static let weightEndings: Set<String> = [
    "safetensors", "bin", "pt", "pth", "ckpt", "msgpack", "h5", "npz",
  ]

  /// How weights of other kinds become `model.safetensors`.
  static func advice(for names: [String], in folder: String) -> String? {
    func name(endingIn endings: Set<String>) -> String? {
      names.first { endings.contains(PathParts($0).ending) }
    }
    if let other = name(endingIn: ["safetensors"]) {
      return names.count == 1 ? "rename \(other) to model.safetensors" : nil
    }
    if name(endingIn: ["bin"]) != nil {
      return "convert it in Python: transformers.AutoModel.from_pretrained(\"\(folder)\")"
        + ".save_pretrained(\"\(folder)-safetensors\")"
    }
    if let other = name(endingIn: ["pt", "pth", "ckpt"]) {
      return "convert it in Python: safetensors.torch.save_file(torch.load(\"\(folder)/\(other)\", "
        + "map_location=\"cpu\"), \"\(folder)/model.safetensors\")"
    }
    return name(endingIn: ["msgpack", "h5", "npz"]) == nil
      ? nil : "look for the same model's safetensors"
  }
}
