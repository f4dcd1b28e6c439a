import Files
import Foundation

/// What can go wrong outside the mathematics of a run: configurations, folders, files, checkpoints.
///
/// Every case carries what was expected, what was found and where; `description` is one line meant
/// for a person.
public enum RunError: Error, Equatable, Sendable {
  /// A configuration holds a key that nothing reads. `source` is a file or `--set`.
  case unknownKey(path: String, source: String, nearest: String?)
  /// A configuration value is not of the type, or not one of the values, that its key takes.
  case wrongType(path: String, expected: String, found: String)
  /// A configuration value has the right type and is not allowed.
  case invalidValue(path: String, reason: String)
  /// A configuration is not YAML. `line` counts from 1.
  case invalidYAML(source: String, line: Int?, reason: String)
  /// An override is not of the form `key.path=value`.
  case invalidOverride(text: String)
  /// A resumed run would train under another configuration than it began with.
  case configurationChanged(path: String, differences: [ConfigurationDifference])

  /// The output folder of a new run holds something already.
  case outputNotEmpty(path: String)
  /// There is something already where a folder is to be made.
  case outputOccupied(path: String)
  /// A folder that should hold a run, or a checkpoint, does not. `missing` names what is not there.
  case notARun(path: String, missing: String)
  /// A folder that should hold a checkpoint holds a model as it is published.
  case notImported(path: String)
  /// A run folder holds no checkpoint.
  case noCheckpoint(path: String)
  /// Another process is writing to the run folder. `process` is its identifier where it is known.
  case inUse(path: String, process: Int?)
  /// A file of a checkpoint is missing, cut short or changed. `intact` is the newest other
  /// checkpoint of the same run.
  case damagedCheckpoint(file: String, damage: FileDamage, intact: String?)
  /// A line of a metrics log, counted from 1, cannot be read.
  case damagedMetrics(path: String, line: Int)
  /// A sampler's saved state belongs to another list of items, or to other settings. `advice` is how a new
  /// run can use this one.
  case samplerChanged(what: String, expected: String, found: String, advice: String? = nil)
}

/// What is wrong with a file of a checkpoint.
public enum FileDamage: Error, Equatable, Sendable {
  /// The manifest lists the file, and it is not there.
  case missing
  /// The file has another number of bytes than the manifest says.
  case size(expected: Int, found: Int)
  /// The file's CRC-32C is not the manifest's.
  case checksum(expected: String, found: String)
}

extension FileDamage: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missing: "is missing"
    case .size(let expected, let found): "has \(found) bytes, expected \(expected)"
    case .checksum(let expected, let found):
      "is damaged: its CRC-32C is \(found), expected \(expected)"
    }
  }
}

extension RunError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownKey(let path, let source, let nearest):
      "\(source): unknown key \(path)" + (nearest.map { ": did you mean \($0)?" } ?? "")
    case .wrongType(let path, let expected, let found):
      "\(Self.name(path)): expected \(expected), found \(found)"
    case .invalidValue(let path, let reason):
      "\(Self.name(path)): \(reason)"
    case .invalidYAML(let source, let line, let reason):
      "\(source)\(line.map { ":\($0)" } ?? ""): not YAML: \(reason)"
    case .invalidOverride(let text):
      "--set \(text): expected key=value, such as optimizer.learningRate=3e-4"
    case .configurationChanged(let path, let differences):
      "\(path) cannot be resumed with another configuration: "
        + differences.map(\.description).joined(separator: "; ")
    case .outputNotEmpty(let path):
      "\(path) is not empty: resume the run in it with --resume, or name another output folder"
    case .outputOccupied(let path):
      "\(path) is there already: name another output folder"
    case .notARun(let path, let missing):
      "\(path) is neither a run nor a checkpoint: it has no \(missing)"
    case .notImported(let path):
      "\(path) is a published model and no checkpoint: take it over with jepa import \(ShellWord.quoted(path)) "
        + "--output FOLDER, and name that"
    case .noCheckpoint(let path):
      "\(path) holds no checkpoint"
    case .inUse(let path, let process):
      "\(path) is in use by another process" + (process.map { " (\($0))" } ?? "")
    case .damagedCheckpoint(let file, let damage, let intact):
      "\(file) \(damage)"
        + (intact.map { ": remove that checkpoint's folder to go on from \($0)" } ?? "")
    case .damagedMetrics(let path, let line):
      "\(path):\(line): not a line of metrics"
    case .samplerChanged(let what, let expected, let found, let advice):
      "the checkpoint's order of items cannot be continued: \(what) was \(expected), now \(found); "
        + "put back what it was, or begin a new run" + (advice.map { " \($0)" } ?? "")
    }
  }

  private static func name(_ path: String) -> String { path.isEmpty ? "configuration" : path }
}

extension RunError: LocalizedError {
  public var errorDescription: String? { description }
}
