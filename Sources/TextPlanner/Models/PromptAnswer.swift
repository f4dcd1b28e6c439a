import Files
import Foundation
import Torch

/// An answer to a prompt, as it is printed, however it was found.
public protocol PromptAnswer: Encodable {
  var answer: String { get }
  /// Whether its energy is below the planner's threshold.
  var isVerified: Bool { get }
}

extension PromptAnswer {
  /// The answer in one line, and a mark after a tab where it is not verified.
  public var line: String {
    let answer = answer.withControlPictures
    return isVerified ? answer : "\(answer)\tunverified"
  }

  /// All that is known of it as one line of JSON.
  public var json: String {
    // An answer holds nothing that cannot be encoded.
    (try? JSONFile.line(of: self)) ?? ""
  }
}

extension RandomGenerator {
  /// Draws that depend on the seed, the prompt and a number, and not on what else is asked.
  convenience init(seed: UInt64, prompt: String, number: Int) {
    var fingerprint = Fingerprint()
    fingerprint.add(prompt.utf8)
    var seeds = SeededGenerator(seed: seed, fingerprint.value, UInt64(number))
    self.init(seed: seeds.next())
  }
}

extension String {
  /// The text with pictures (U+2400 and after) in the place of control characters, which could end a line or
  /// drive the terminal: a model that is not sure may write any byte.
  var withControlPictures: String {
    String(
      String.UnicodeScalarView(
        unicodeScalars.map { scalar in
          switch scalar.value {
          case 0..<0x20: Unicode.Scalar(0x2400 + scalar.value)!
          case 0x7F: "\u{2421}"
          case 0x80..<0xA0: "\u{FFFD}"
          default: scalar
          }
        }))
  }
}
