import Pictures

/// Between which energies a picture of tokens goes from clear to red, against what is usual around the frame.
///
/// Usual is the median of the top statistic (the mean of the four greatest tokens) over the frames on either
/// side that are not flagged: the hottest tokens of an ordinary frame stay about clear, whatever moves in them.
struct EnergyHeat {
  /// Frames on either side whose energies say what is usual.
  static let reach = 12
  /// Heat begins at this many times the usual energy, and is full at that many.
  private static let (first, full): (Float, Float) = (1.25, 4)
  /// A frame's own noise.
  private static let floor: Float = 1e-3

  private let isFlagged: [Bool]
  /// For each prediction its top statistic, and the median over all frames that are not flagged.
  private var energies: [PredictionMode: (values: [Float], median: Float)] = [:]

  init(_ report: ConsistencyReport) {
    isFlagged = report.verdict.isFlagged
    for mode in PredictionMode.allCases {
      let top = Statistic.energy(mode, .top)
      guard report.table.statistics.contains(top) else { continue }
      let values = report.table[top]
      let ordinary = values.indices.filter { !isFlagged[$0] }.map { values[$0] }
      energies[mode] = (
        values,
        ordinary.filter(\.isFinite).upperMedian ?? values.filter(\.isFinite).upperMedian ?? 0
      )
    }
  }

  /// The energies at which the heat over the frame in a row begins and is full.
  func range(at row: Int, of mode: PredictionMode) -> (low: Float, high: Float) {
    guard let (values, median) = energies[mode] else { return (0, 1) }
    let around = max(0, row - Self.reach)..<min(values.count, row + Self.reach + 1)
    let ordinary = around.filter { $0 != row && !isFlagged[$0] }.map { values[$0] }
    // Where next to nothing moves, what is a little more than that is no heat yet.
    let usual = max(ordinary.filter(\.isFinite).upperMedian ?? median, median / 4, Self.floor)
    return (Self.first * usual, Self.full * usual)
  }

  /// The picture with the energies of its frame laid over it.
  func overlay(_ map: EnergyMap, on image: RGBImage, at row: Int) -> RGBImage {
    let range = range(at: row, of: map.mode)
    return map.overlay(on: image, low: range.low, high: range.high)
  }
}
