import Foundation

@testable import Files
@testable import TrainingRuns

/// What is written to a line, through a pipe or a terminal.
final class Screen {
  let line: StatusLine
  private let reading: Int32
  private let writing: Int32

  init(columns: UInt16? = nil, environment: [String: String] = [:]) {
    if let columns {
      var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
      var (controller, terminal): (Int32, Int32) = (0, 0)
      openpty(&controller, &terminal, nil, nil, &size)
      (reading, writing) = (controller, terminal)
    } else {
      var descriptors: [Int32] = [0, 0]
      pipe(&descriptors)
      (reading, writing) = (descriptors[0], descriptors[1])
    }
    line = StatusLine(descriptor: writing, environment: environment)
  }

  /// Everything written so far, with a terminal's line ends as `\n`.
  func text() -> String {
    var text: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 4096)
    var ready = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
    while poll(&ready, 1, 200) > 0 {
      let count = read(reading, &bytes, bytes.count)
      text += bytes.prefix(count)
    }
    return String(decoding: text, as: UTF8.self)
      .replacing("\r\n", with: "\n")
  }

  deinit {
    close(reading)
    close(writing)
  }
}
