import Foundation

extension String {
  /// The text with its control characters written out, as `\n`, `\t` and `\u{1B}`.
  ///
  /// Names of files may hold any of them: sent to a terminal they would move its cursor, change its colours or
  /// make up lines. Marks that turn the direction of writing are written out too, for they hide what follows.
  ///
  /// - Parameter kept: characters that stay as they are.
  package func withVisibleControls(keeping kept: Set<Unicode.Scalar> = []) -> String {
    guard unicodeScalars.contains(where: { Self.isControl($0) && !kept.contains($0) }) else {
      return self
    }
    var text = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      guard Self.isControl(scalar), !kept.contains(scalar) else {
        text.append(scalar)
        continue
      }
      switch scalar {
      case "\n": text.append(contentsOf: #"\n"#.unicodeScalars)
      case "\r": text.append(contentsOf: #"\r"#.unicodeScalars)
      case "\t": text.append(contentsOf: #"\t"#.unicodeScalars)
      default:
        let code = String(scalar.value, radix: 16, uppercase: true)
        text.append(contentsOf: "\\u{\(code)}".unicodeScalars)
      }
    }
    return String(text)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

/// Prints what a command found. A terminal gets the control characters of names written out; a file or a pipe
/// gets the names as they are.
package func printResult(_ result: some CustomStringConvertible) {
  let text = "\(result)"
  print(isatty(STDOUT_FILENO) == 1 ? text.withVisibleControls(keeping: ["\n"]) : text)
}
