import Files
import Foundation

/// The numbers of a run, step by step: `metrics.jsonl`, and a TensorBoard event file beside it.
///
/// A line is one object, `{"step":200,"epoch":1.5,"seconds":31.25,"energy":0.125}`. NaN and the
/// infinities are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, which JSON has no numbers for.
///
/// Not for use from several threads at once.
public final class MetricsLog {
  static let name = "metrics.jsonl"
  private static let ownNames: Set = ["step", "epoch", "seconds"]

  private let path: String
  private let descriptor: Int32
  private let tensorBoard: TensorBoardWriter

  /// Opens the log of the run in `folder`.
  ///
  /// - Parameters:
  ///   - folder: the run's.
  ///   - step: the step that the run goes on from (0 where it was stopped before its first
  ///     checkpoint), or nil for a new run. Lines of later steps are cut, so that the log becomes that
  ///     of a run that was never interrupted; so is a last line that a crash left unfinished.
  /// - Throws: `RunError.damagedMetrics` where another line cannot be read; `FileError.diskFull`, `.failed`.
  public convenience init(in folder: RunFolder, resumingAfter step: Int? = nil) throws {
    try self.init(
      folder: folder.path, resumingAfter: step, wallTime: Date().timeIntervalSince1970)
  }

  init(folder: String, resumingAfter step: Int?, wallTime: Double) throws {
    let path = "\(folder)/\(Self.name)"
    self.path = path
    descriptor = try DurableFile.open(path, O_RDWR | O_CREAT | O_APPEND, operation: "write")
    do {
      let kept = try step.map { try Self.length(ofLinesUpTo: $0, in: path) } ?? 0
      guard ftruncate(descriptor, off_t(kept)) == 0 else {
        throw FileError.failure(errno, operation: "shorten", path)
      }
      tensorBoard = try TensorBoardWriter(
        folder: folder, resumingAfter: step, wallTime: wallTime)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Adds a line, and the same numbers for TensorBoard.
  ///
  /// - Parameters:
  ///   - metrics: written in this order. No name twice, none of `step`, `epoch` and
  ///     `seconds`.
  ///   - progress: where the run is.
  /// - Throws: `FileError.diskFull`, `.failed`.
  public func log(_ metrics: [Metric], at progress: RunProgress) throws {
    let names = Set(metrics.map(\.name))
    precondition(
      names.count == metrics.count && names.isDisjoint(with: Self.ownNames),
      "metrics need names of their own: \(metrics.map(\.name))")
    try DurableFile.append(Self.line(metrics, at: progress).utf8, to: descriptor, path)
    try tensorBoard.append(
      TensorBoardEvent.scalars(
        metrics, step: progress.step, wallTime: Date().timeIntervalSince1970))
  }

  /// Adds a picture for TensorBoard.
  ///
  /// - Parameters:
  ///   - name: what it is called there.
  ///   - png: the bytes of an RGB PNG file.
  ///   - width: its width in pixels.
  ///   - height: its height in pixels.
  ///   - progress: where the run is.
  /// - Throws: `FileError.diskFull`, `.failed`.
  public func log(
    image name: String, png: [UInt8], width: Int, height: Int, at progress: RunProgress
  ) throws {
    try tensorBoard.append(
      TensorBoardEvent.image(
        name, png: png, width: width, height: height, step: progress.step,
        wallTime: Date().timeIntervalSince1970))
  }

  /// Waits until the disk holds every line: called before a checkpoint is saved, so that a power cut
  /// leaves no checkpoint without the numbers that led to it.
  ///
  /// - Throws: `FileError.diskFull`, `.failed`.
  public func synchronize() throws {
    try DurableFile.synchronize(descriptor, path)
    try tensorBoard.synchronize()
  }

  static func line(_ metrics: [Metric], at progress: RunProgress) -> String {
    var line = "{\"step\":\(progress.step)"
    line += ",\"epoch\":\(json(progress.epoch)),\"seconds\":\(json(progress.seconds))"
    for metric in metrics { line += ",\(json(metric.name)):\(json(metric.value))" }
    return line + "}\n"
  }

  private static func json(_ number: Double) -> String {
    if number.isFinite { return number.description }
    return number.isNaN ? "\"NaN\"" : number < 0 ? "\"-Infinity\"" : "\"Infinity\""
  }

  private static func json(_ text: String) -> String {
    var json = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": json += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        json += "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
      default: json.unicodeScalars.append(scalar)
      }
    }
    return json + "\""
  }

  /// How many bytes the lines of the steps up to `step` take.
  private static func length(ofLinesUpTo step: Int, in path: String) throws -> Int {
    let contents = try DurableFile.read(path)
    var length = 0
    var number = 0
    while length < contents.count {
      number += 1
      guard let end = contents[length...].firstIndex(of: UInt8(ascii: "\n")) else { break }
      let start = Data("{\"step\":".utf8)
      let line = contents[length..<end]
      let digits = line.dropFirst(start.count).prefix { $0 != UInt8(ascii: ",") }
      guard line.starts(with: start), line.last == UInt8(ascii: "}"),
        let lineStep = Int(String(decoding: digits, as: UTF8.self))
      else {
        if end == contents.count - 1 { break }
        throw RunError.damagedMetrics(path: path, line: number)
      }
      if lineStep > step { break }
      length = end + 1
    }
    return length
  }
}
