import Frames

/// What the pixels themselves say about each frame: the cheap statistics that a learned one has to beat.
public struct PixelMeter {
  private var stream = FrameStatisticsStream()
  private var cuts = CutDetector()
  private var count = 0

  public init() {}

  /// Takes the next frame, whose row is in `table` already, and writes what can be known by now.
  public mutating func append(_ frame: VideoFrame, to table: inout FrameTable) {
    if let statistics = stream.push(frame) { write(statistics, to: &table) }
  }

  /// Writes what is left after the last frame.
  public mutating func finish(_ table: inout FrameTable) {
    for statistics in stream.finish() { write(statistics, to: &table) }
    for cut in cuts.finish() { table.set(1, of: .isCut, at: cut) }
  }

  /// Writes the statistics of the next frame in turn.
  private mutating func write(_ statistics: FrameStatistics, to table: inout FrameTable) {
    let row = count
    count += 1
    for (statistic, value) in statistics.values { table.set(value, of: statistic, at: row) }
    table.set(0, of: .isCut, at: row)
    var placed = statistics
    placed.index = row
    if let cut = cuts.push(placed) { table.set(1, of: .isCut, at: cut) }
    if let transition = statistics.transition {
      table.set(
        transition.separation(floor: FrameStatistics.noiseFloor), of: .shotSeparation, at: row)
      table.set(transition, of: .pixels, at: row)
      let energies = TransitionHypotheses.pixels.energies(of: transition)
      for (hypothesis, energy) in zip(TransitionHypothesis.allCases, energies) {
        table.set(energy, of: .misfit(hypothesis, .pixels), at: row)
      }
    }
  }
}
