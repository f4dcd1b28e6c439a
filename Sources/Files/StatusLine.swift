import Foundation
import Synchronization

/// One line at the bottom of a terminal that is written over and over, with other lines passing
/// above it. Where the output is no terminal there is no such line, only those that pass.
///
/// Writes nothing but text, carriage returns and line ends: no colours and no control sequences, so
/// there is nothing for NO_COLOR to turn off. Safe to use from several threads.
public final class StatusLine: Sendable {
  /// The standard error's line.
  public static let standardError = StatusLine(descriptor: STDERR_FILENO)

  /// Whether the output is a terminal on which a line can be written over.
  public let isTerminal: Bool
  private let descriptor: Int32
  private let shown = Mutex("")
  private let silent = Atomic(false)
  private let muted = Atomic(false)

  /// The line at the bottom of what `descriptor` shows.
  init(
    descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
  }

  /// Whether no progress is wanted (`--quiet`): then there is no line, and other lines still pass.
  public var isSilent: Bool { silent.load(ordering: .relaxed) }

  /// Shows no progress from now on.
  public func silence() {
    clear()
    silent.store(true, ordering: .relaxed)
  }

  /// Whether nothing at all is written from now on: in a process that does the same as another one, which tells.
  public func mute(_ isMuted: Bool) { muted.store(isMuted, ordering: .relaxed) }

  /// Columns of the terminal now; 80 where that is not known.
  public var width: Int {
    #if canImport(Darwin)
      let request: UInt = 0x4008_7468  // TIOCGWINSZ, a macro that Swift does not import there
    #else
      let request = UInt(TIOCGWINSZ)
    #endif
    var size = winsize()
    guard ioctl(descriptor, request, &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes `text` over the line, cut to the terminal's width.
  public func show(_ text: String) {
    guard isTerminal, !isSilent else { return }
    shown.withLock { shown in
      // The last column stays free: some terminals wrap when it is written.
      let text = String(text.withVisibleControls().prefix(max(1, width - 1)))
      write("\r" + text + Self.blanks(shown.count - text.count))
      shown = text
    }
  }

  /// As many of `fields` from the left as fit into `width` columns; the first always.
  package static func fitting(_ fields: [String], width: Int) -> String {
    var text = fields.first ?? ""
    for field in fields.dropFirst() {
      guard text.count + 2 + field.count <= width else { break }
      text += "  " + field
    }
    return text
  }

  /// Writes `line` above the line.
  public func print(_ line: String) {
    let line = line.withVisibleControls(keeping: ["\n"])
    shown.withLock { shown in
      guard !shown.isEmpty else { return write(line + "\n") }
      write("\r" + line + Self.blanks(shown.count - line.count) + "\n" + shown)
    }
  }

  /// Writes `line` above the line where progress is wanted: what is done, for who follows it.
  public func note(_ line: String) {
    if !isSilent { print(line) }
  }

  /// Takes the line away; what comes next is written in its place.
  public func clear() {
    shown.withLock { shown in
      if !shown.isEmpty { write("\r" + Self.blanks(shown.count) + "\r") }
      shown = ""
    }
  }

  /// Leaves the line standing and goes on below it.
  public func finish() {
    shown.withLock { shown in
      if !shown.isEmpty { write("\n") }
      shown = ""
    }
  }

  private static func blanks(_ count: Int) -> String {
    String(repeating: " ", count: max(0, count))
  }

  /// A closed standard error is no reason to stop a run.
  private func write(_ text: String) {
    if muted.load(ordering: .relaxed) { return }
    try? DurableFile.append(text.utf8, to: descriptor, "standard error")
  }
}
