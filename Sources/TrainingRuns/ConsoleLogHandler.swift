import Files
import Logging

/// A log for people: warnings and notes pass above the progress line, each on a line of its own.
///
/// ```swift
/// LoggingSystem.bootstrap { _ in ConsoleLogHandler() }
/// ```
public struct ConsoleLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var logLevel: Logger.Level
  private let line: StatusLine

  public init(level: Logger.Level = .info, line: StatusLine = .standardError) {
    logLevel = level
    self.line = line
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let details = metadata.merging(event.metadata ?? [:]) { $1 }
    let suffix = details.keys.sorted().map { " \($0)=\(details[$0]!)" }.joined()
    let prefix = event.level >= .warning ? "\(event.level): " : ""
    line.print((prefix + "\(event.message)" + suffix).withVisibleControls())
  }
}
