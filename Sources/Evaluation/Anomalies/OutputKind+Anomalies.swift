import Files

extension OutputKind {
  /// Pictures by how odd they are, as JSON.
  public static let anomalies = OutputKind(holding: "\"anomalies\" :", "\"decidedBy\"")
  /// The same as CSV.
  public static let anomalyTable = OutputKind { $0.begin(with: AnomalyReport.tableHeader) }
  /// What clean pictures taught.
  public static let anomalyCalibration = OutputKind(holding: AnomalyCalibration.kind)
}
