import Files
import Foundation

/// The settings of a run, or one section of them: a struct with a default for everything.
///
/// ```swift
/// struct OptimizerConfiguration: RunConfiguration {
///   var learningRate: Float = 1e-3
///   var warmupSteps: Int? = nil
/// }
/// ```
///
/// Sections nest. Enums with text raw values, optionals, dictionaries and lists work as they are.
/// Setting a list or dictionary replaces the whole of it; items of lists and optional sections that
/// conform keep the defaults of what they do not set.
/// A type with an `init(from:)` of its own must write, in `encode(to:)`, every key that it reads.
public protocol RunConfiguration: Codable, Sendable, Equatable {
  /// What was done before it could be set, as `key.path=value`, where the default is another: runs that do
  /// not say it did so.
  static var earlierDefaults: [String] { get }
  init()
}

extension RunConfiguration {
  public static var earlierDefaults: [String] { [] }
}

/// A section whose keys are alternatives: setting one in a file or an override clears the others.
///
/// Its `encode(to:)` writes all of its keys, with null for those that are not set.
public protocol ExclusiveConfiguration: Codable {}

/// A setting that two configurations do not share.
public struct ConfigurationDifference: Equatable, Sendable, CustomStringConvertible {
  /// The dotted path of the setting.
  public let path: String
  /// The earlier value as YAML.
  public let old: String
  /// The later value as YAML.
  public let new: String

  public init(path: String, old: String, new: String) {
    self.path = path
    self.old = old
    self.new = new
  }

  public var description: String { "\(path) was \(old), now \(new)" }
}

/// Reads configurations from YAML and `key.path=value` overrides, and writes them.
public enum ConfigurationReader {
  /// The greatest file that is read: a configuration has some kilobytes.
  private static let mostBytes = 1 << 20

  /// The defaults of `type`, changed by the YAML file at `file`, changed by `overrides`.
  ///
  /// - Parameters:
  ///   - type: the kind of configuration.
  ///   - file: path of a YAML file; nil reads none.
  ///   - overrides: such as `optimizer.learningRate=3e-4`; the value is YAML; of two for one key
  ///     the later holds.
  ///   - isOfRun: whether a run wrote the file, which holds all settings that there were.
  /// - Throws: `RunError.unknownKey`, `.wrongType`, `.invalidValue`, `.invalidYAML`,
  ///   `.invalidOverride`; `FileError.failed`.
  public static func read<Configuration: RunConfiguration>(
    _ type: Configuration.Type, file: String? = nil, overrides: [String] = [],
    isOfRun: Bool = false
  ) throws -> Configuration {
    guard let file else { return try read(type, yaml: "", overrides: overrides) }
    guard let bytes = try DurableFile.read(file, atMost: mostBytes) else {
      throw RunError.invalidYAML(
        source: file, line: nil, reason: "expected at most \(mostBytes) bytes, found more")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return try read(type, yaml: text, source: file, overrides: overrides, isOfRun: isOfRun)
  }

  /// The defaults of `type`, changed by the text `yaml`, changed by `overrides`.
  ///
  /// - Parameters:
  ///   - type: the kind of configuration.
  ///   - yaml: settings, any of them.
  ///   - source: what errors call `yaml`.
  ///   - overrides: as for `read(_:file:overrides:isOfRun:)`.
  ///   - isOfRun: whether a run wrote it.
  /// - Throws: as `read(_:file:overrides:isOfRun:)`.
  public static func read<Configuration: RunConfiguration>(
    _ type: Configuration.Type, yaml: String, source: String = "configuration",
    overrides: [String] = [], isOfRun: Bool = false
  ) throws -> Configuration {
    var tree = try ConfigurationEncoder.tree(of: Configuration())
    if isOfRun { tree = tree.merging(try self.tree(of: Configuration.earlierDefaults)) }
    let file = try ConfigurationTree(yaml: yaml, source: source)
    guard case .table = file else {
      throw RunError.wrongType(path: "", expected: "a section", found: file.summary)
    }
    let overrides = try self.tree(of: overrides)
    for (source, layer) in [(source, file), ("--set", overrides)] {
      // Items of lists and optional sections are checked below, once their types are known.
      if let (path, nearest) = layer.unknownKey(comparedTo: tree, descendsIntoLists: false) {
        throw RunError.unknownKey(path: path, source: source, nearest: nearest)
      }
      tree = tree.merging(layer)
    }
    let configuration = try ConfigurationDecoder.decode(type, from: tree)
    let known = try ConfigurationEncoder.tree(of: configuration)
    if let (path, nearest) = tree.unknownKey(comparedTo: known, descendsIntoLists: true) {
      let overridden = overrides.unknownKey(comparedTo: known, descendsIntoLists: true)
      throw RunError.unknownKey(
        path: path, source: overridden?.path == path ? "--set" : source, nearest: nearest)
    }
    return configuration
  }

  /// Every setting of `configuration`, defaults included, as YAML that `read` reads back exactly.
  ///
  /// - Throws: what the configuration's own `encode(to:)` throws.
  public static func yaml(of configuration: some RunConfiguration) throws -> String {
    try ConfigurationEncoder.tree(of: configuration).yaml()
  }

  /// The settings in which `new` is not `old`.
  ///
  /// - Parameters:
  ///   - old: the earlier settings.
  ///   - new: the later ones.
  ///   - allowed: paths whose change is not counted; the path of a section stands for
  ///     everything in it.
  public static func differences<Configuration: RunConfiguration>(
    between old: Configuration, and new: Configuration, allowing allowed: Set<String> = []
  ) throws -> [ConfigurationDifference] {
    let (old, new) = (
      try ConfigurationEncoder.tree(of: old).flattened(),
      try ConfigurationEncoder.tree(of: new).flattened()
    )
    let oldValues = Dictionary(old.map { ($0.path, $0.value) }) { first, _ in first }
    let newValues = Dictionary(new.map { ($0.path, $0.value) }) { first, _ in first }
    let paths = old.map(\.path) + new.map(\.path).filter { oldValues[$0] == nil }
    return paths.compactMap { path in
      let (old, new) = (oldValues[path], newValues[path])
      guard old != new, !allowed.contains(where: { path == $0 || path.hasPrefix($0 + ".") }) else {
        return nil
      }
      return ConfigurationDifference(
        path: path, old: old?.inline ?? "not set", new: new?.inline ?? "not set")
    }
  }

  private static func tree(of overrides: [String]) throws -> ConfigurationTree {
    var tree = ConfigurationTree.table(ConfigurationTable())
    for override in overrides {
      guard let equals = override.firstIndex(of: "=") else {
        throw RunError.invalidOverride(text: override)
      }
      let keys = override[..<equals].split(separator: ".", omittingEmptySubsequences: false)
      guard keys.allSatisfy({ !$0.isEmpty }) else {
        throw RunError.invalidOverride(text: override)
      }
      let text = String(override[override.index(after: equals)...])
      var value = try ConfigurationTree(yaml: text, source: "--set \(override)")
      if text.allSatisfy(\.isWhitespace) { value = .null }
      for key in keys.reversed() {
        var table = ConfigurationTable()
        table[String(key)] = value
        value = .table(table)
      }
      tree = tree.merging(value)
    }
    return tree
  }
}
