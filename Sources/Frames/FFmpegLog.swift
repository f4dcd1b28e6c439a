/// ffmpeg's standard error as frames and complaints, in the order in which they came.
///
/// Expects `-loglevel repeat+level+info` and one `showinfo` filter.
final class FFmpegLog {
  struct FrameInfo: Equatable {
    /// The timestamp as ffmpeg has it; nil where the frame has none.
    let seconds: Double?
    let size: FrameSize
  }

  enum Entry: Equatable {
    case frame(FrameInfo)
    /// An error, or a warning about data that is damaged.
    case complaint(String)
  }

  private let reader: LineReader
  private var lines: ArraySlice<String> = []
  private var secondsPerTick: Double?
  /// The last error.
  private(set) var lastComplaint = ""
  /// Whether the file has been probed: what that met is met again where it is decoded, at its own time.
  private var hasBegun = false
  /// Whether ffmpeg refused to start because it does not know an option.
  private(set) var hasUnknownOption = false

  init(_ descriptor: Int32) {
    reader = LineReader(descriptor)
  }

  /// The next entry; nil once ffmpeg has closed its standard error.
  func next() -> Entry? {
    while true {
      while let line = lines.popFirst() {
        if let entry = entry(line) { return entry }
      }
      lines = reader.take()[...]
      if lines.isEmpty { return nil }
    }
  }

  private func entry(_ line: String) -> Entry? {
    if line.hasPrefix("[Parsed_showinfo_") {
      hasBegun = true
      return frame(line).map(Entry.frame)
    }
    if line.hasPrefix("[info] Stream mapping:") { hasBegun = true }
    guard let (component, level, message) = Self.parts(of: line) else { return nil }
    let text = component + message
    switch level {
    case "error", "fatal", "panic":
      lastComplaint = text
      if text.contains("Unrecognized option") || text.contains("Option not found") {
        hasUnknownOption = true
      }
    // The warnings worth a word are those about damage; most are about taste.
    case "warning" where line.contains("corrupt"): break
    default: return nil
    }
    return hasBegun ? .complaint(text) : nil
  }

  /// "[h264 @ 0x55d0c8a3a4c0] [error] no frame!" as "h264: ", "error" and "no frame!"; "[error] no frame!" without the
  /// first.
  private static func parts(of line: String) -> (
    component: String, level: Substring, message: Substring
  )? {
    func bracketed(_ text: Substring) -> (inside: Substring, rest: Substring)? {
      guard text.hasPrefix("["), let end = text.firstIndex(of: "]") else { return nil }
      return (
        text.dropFirst().prefix(upTo: end), text[text.index(after: end)...].drop { $0 == " " }
      )
    }
    guard let first = bracketed(line[...]) else { return nil }
    guard let address = first.inside.range(of: " @ ") else { return ("", first.inside, first.rest) }
    guard let second = bracketed(first.rest) else { return nil }
    let name = first.inside[..<address.lowerBound]
    // A decoder that ffmpeg does not name.
    return (name == "NULL" ? "" : "\(name): ", second.inside, second.rest)
  }

  /// "[Parsed_showinfo_4 @ 0x…] [info] n:   0 pts:      0 pts_time:0 … s:300x128 …", or the line before
  /// the first frame, "… config in time_base: 1/12800, …".
  private func frame(_ line: String) -> FrameInfo? {
    if let base = Self.field("config in time_base", of: line)?.split(separator: "/"),
      base.count == 2, let numerator = Double(base[0]),
      let denominator = Double(base[1].prefix { $0 != "," }), denominator > 0
    {
      secondsPerTick = numerator / denominator
      return nil
    }
    guard line.contains("[info] n:"), let pts = Self.field("pts", of: line),
      let size = Self.field("s", of: line).flatMap({ FrameSize(String($0)) })
    else { return nil }
    // `pts_time` has six digits only, too few for the times of a film.
    let ticks = Double(pts)
    let seconds = secondsPerTick.flatMap { base in ticks.map { $0 * base } }
    return FrameInfo(seconds: seconds, size: size)
  }

  /// What follows " name:" up to the next space, spaces before it left out.
  private static func field(_ name: String, of line: String) -> Substring? {
    guard let found = line.range(of: " \(name):") else { return nil }
    let rest = line[found.upperBound...].drop { $0 == " " }
    return rest.prefix { $0 != " " }
  }
}
