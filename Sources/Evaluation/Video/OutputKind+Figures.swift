import Files

extension OutputKind {
  /// The figures of `jepa benchmark`.
  public static let figures = OutputKind(holding: "\"detector\"", "\"faults\"")
}
