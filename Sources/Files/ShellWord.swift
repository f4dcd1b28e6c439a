/// Commands that are shown to be copied into a shell.
public enum ShellWord {
  /// The program as it was called, with other arguments.
  public static func command(_ arguments: [String]) -> String {
    ([CommandLine.arguments.first ?? "jepa"] + arguments).map(quoted).joined(separator: " ")
  }

  /// `text` as one word of a POSIX shell: in single quotes where it holds anything but letters, digits and
  /// `-_./:=,@%+`.
  public static func quoted(_ text: String) -> String {
    let plain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-_./:=,@%+".utf8.contains(byte)
      }
    }
    if plain, !text.isEmpty { return text }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: #"'\''"#) + "'"
  }
}
