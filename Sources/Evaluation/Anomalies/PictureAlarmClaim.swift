import Foundation
import VideoJEPA

/// Which rate of false alarms can be claimed of pictures, and on what grounds; what `FalseAlarmClaim` is for frames.
///
/// Pictures count as independent draws from one source.
public struct PictureAlarmClaim: Codable, Equatable, Sendable {
  /// Whose pictures the threshold was set on.
  public enum Grounds: String, Codable, Sendable {
    /// Clean pictures.
    case reference
    /// The pictures that are scored: robust, but what is wrong with them is among them.
    case folder
  }

  public let grounds: Grounds
  /// Pictures that the threshold was set on.
  public let pictures: Int
  /// How many of them are above it.
  public let alarms: Int
  /// What was asked for.
  public let wantedPer1000: Double
  /// The rate that those pictures allow to be claimed at 95 % confidence; never below what was asked for. nil for
  /// a folder without a reference: nothing can be.
  public let certifiedPer1000: Double?

  /// - Precondition: at least one picture.
  init(grounds: Grounds, pictures: Int, alarms: Int, wantedPer1000: Double) {
    self.grounds = grounds
    self.pictures = pictures
    self.alarms = alarms
    self.wantedPer1000 = wantedPer1000
    certifiedPer1000 =
      grounds == .reference
      ? max(wantedPer1000, 1000 * FalseAlarmClaim.upperBound(alarms: alarms, frames: pictures))
      : nil
  }

  /// Whether the pictures bear out what was asked for.
  public var isMet: Bool { certifiedPer1000.map { $0 <= wantedPer1000 } ?? false }
}

extension PictureAlarmClaim: CustomStringConvertible {
  public var description: String {
    guard let certifiedPer1000 else {
      return
        "no reference: what is flagged stands out from the other pictures, and no rate of false "
        + "alarms can be claimed; --reference with clean pictures allows one"
    }
    let rate = certifiedPer1000 >= 999.5 ? "1000" : String(format: "%.3g", certifiedPer1000)
    let claim =
      "at most \(rate) false alarms in 1000 pictures (95 %): \(alarms == 0 ? "none" : "\(alarms)") of "
      + "\(pictures) clean pictures \(alarms == 1 ? "is" : "are") above the threshold"
    let needed = (3000 / wantedPer1000).rounded(.up)
    guard !isMet, needed > Double(pictures) else { return claim }
    return claim
      + String(format: "; %.3g in 1000 would need %.0f clean pictures", wantedPer1000, needed)
  }
}
