import Files

extension OutputKind {
  /// A video with a band drawn under it.
  public static let video = OutputKind(holding: mark)
  /// The scores of a clip as JSON.
  public static let scores = OutputKind(holding: "\"framesPerSecond\":", "\"consistency\":")
  /// The scores of a clip as CSV.
  public static let scoreTable = OutputKind { ends in
    ends.begin(with: "index,seconds,") && ends.hold(",score,flagged")
  }
  public static let calibration = OutputKind(holding: "\"ordinary\"", "\"threshold\"")
  /// A network of hypotheses.
  public static let hypotheses = OutputKind(holding: "\"layers\"", "\"biases\"")
}
