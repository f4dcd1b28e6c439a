import Pictures

extension ConsistencyReport {
  /// The score and the statistics over the frames as one picture, what is flagged shaded.
  public func plot(width: Int = 1200) -> RGBImage {
    let rows = Dictionary(
      table.indices.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let drawn: [Statistic] = [
      .energy(.middle, .mean), .energy(.past, .mean), .copyLast(.mean), .pixelDifference(.mean),
      .orderRatio,
    ]
    let panels =
      [CurveSheet.Panel(title: "score, flagged above 0", values: scores, level: 0)]
      + drawn.filter { table.statistics.contains($0) }.map {
        CurveSheet.Panel(title: $0.words, values: table[$0])
      }
    return CurveSheet(
      title: input, subtitle: findings, panels: panels, indices: table.indices,
      seconds: table.seconds,
      marked: ranges.compactMap { range in
        guard let first = rows[range.start], let last = rows[range.end] else { return nil }
        return first...max(first, last)
      }, width: width
    ).draw()
  }
}
