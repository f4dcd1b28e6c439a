import Foundation
import TestSupport
import Testing

@testable import VideoJEPA

/// Which frames are flagged, as what, and where a range begins and ends.
@Suite struct VerdictTests {
  /// A table of pixel differences alone, cuts, and shifts of colour.
  private static func table(
    _ differences: [Float], cuts: Set<Int> = [], shifts: [Float] = []
  ) -> FrameTable {
    var table = FrameTable([.pixelDifference(.mean), .isCut, .isRepeat, .colorShift])
    for (row, difference) in differences.enumerated() {
      table.append(index: row, seconds: Double(row) / 25)
      table.set(row == 0 ? .nan : difference, of: .pixelDifference(.mean), at: row)
      table.set(cuts.contains(row) ? 1 : 0, of: .isCut, at: row)
      table.set(shifts.indices.contains(row) ? shifts[row] : 0, of: .colorShift, at: row)
      table.set(row > 0 && difference <= 0.05 ? 1 : 0, of: .isRepeat, at: row)
    }
    return table
  }

  private static func verdict(
    _ table: FrameTable, _ judgements: [Int: (Float, BreakKind)] = [:], threshold: Float = 0
  ) -> ConsistencyVerdict {
    ConsistencyVerdict(
      table,
      judgements: (0..<table.count).map { row in
        let (score, kind) = judgements[row] ?? (-9, .local)
        return ConsistencyRule.Judgement(score: score, kind: kind, statistic: .energy(.past, .mean))
      }, threshold: threshold)
  }

  private static func moving(_ count: Int) -> [Float] {
    (0..<count).map { 2 + 0.4 * sin(Float($0)) }
  }

  // MARK: Freezes

  @Test(arguments: [Float(0), 0.2])
  func aFreezeIsOneRange(still: Float) {
    for length in [3, 10, 60] {
      let differences =
        Self.moving(30) + [Float](repeating: still, count: length) + [5] + Self.moving(20)
      let verdict = Self.verdict(Self.table(differences))
      #expect(verdict.ranges.map(\.kind) == [.duplicate], "\(length)")
      #expect(verdict.ranges.map(\.start) == [30] && verdict.ranges.map(\.end) == [29 + length])
      #expect(verdict.isFlagged.count { $0 } == length)
      #expect((30..<30 + length).allSatisfy { verdict.scores[$0] >= 1 })
    }
  }

  @Test func aFreezeMayLastToTheEnd() {
    for left in 0...4 {
      let differences =
        Self.moving(30) + [Float](repeating: 0.2, count: 40) + Self.moving(left)
      let ranges = Self.verdict(Self.table(differences)).ranges
      #expect(ranges.map(\.start) == [30] && ranges.map(\.end) == [69], "\(left) frames after it")
    }
    // It comes to rest at once, and starts slowly: that is motion.
    let started = Self.moving(30) + [Float](repeating: 0.2, count: 40) + [0.4, 0.5]
    #expect(Self.verdict(Self.table(started)).ranges.isEmpty)
  }

  @Test func whatComesToRestIsNoFreeze() {
    // Slowing down, standing still, and starting slowly.
    let slowing = (0..<12).map { 2 * pow(0.7, Float($0)) }
    let differences =
      Self.moving(20) + slowing + [Float](repeating: 0, count: 20) + slowing.reversed()
      + Self.moving(20)
    #expect(Self.verdict(Self.table(differences)).ranges.isEmpty)
    // Still pictures one after the other, and a still shot between moving ones.
    var slides = [Float](repeating: 0, count: 60)
    for cut in [20, 40] { slides[cut] = 50 }
    let shown = Self.verdict(Self.table(slides, cuts: [20, 40]))
    #expect(shown.ranges.map(\.kind) == [.cut, .cut])
    let shots = Self.moving(20) + [50] + [Float](repeating: 0, count: 20) + [50] + Self.moving(20)
    #expect(
      Self.verdict(Self.table(shots, cuts: [20, 41])).ranges.allSatisfy { $0.kind == .cut })
    #expect(Self.verdict(Self.table([Float](repeating: 0, count: 40))).stillShare == 1)
    #expect(Self.verdict(Self.table(Self.moving(40))).stillShare == 0)
  }

  /// A fade to black ends in frames that are all the same, and is meant.
  @Test func whatFadesOutIsNoFreeze() {
    let differences = Self.moving(30) + [Float](repeating: 0, count: 20)
    let fade = (0..<50).map { (20..<30).contains($0) ? differences[$0] * 0.9 : 0.1 }
    #expect(Self.verdict(Self.table(differences, shifts: fade)).ranges.isEmpty)
    let pan = fade.map { $0 * 0.4 }
    #expect(Self.verdict(Self.table(differences, shifts: pan)).ranges.map(\.kind) == [.duplicate])
  }

  // MARK: Cuts in a cadence

  /// Animation on threes: each step stands apart from the repeats on both sides, and is no cut; one that changes the
  /// picture is.
  @Test(arguments: [2, 3, 4])
  func stepsOfACadenceAreNoCuts(period: Int) {
    var differences = (0..<120).map { Float($0 % period == 0 ? 9 + Float($0 % 5) : 0) }
    let steps = Set(stride(from: period, to: 120, by: period))
    #expect(Self.verdict(Self.table(differences, cuts: steps)).ranges.isEmpty)
    differences[60] = 60
    let verdict = Self.verdict(Self.table(differences, cuts: steps))
    #expect(verdict.ranges.map(\.kind) == [.cut] && verdict.ranges.map(\.start) == [60])
    #expect(verdict.cadence?.period == period)
  }

  /// What a cadence looks like to the rule is never flagged, and so says nothing of its threshold; damage is.
  @Test func timingInACadenceIsLeftAlone() {
    let differences = (0..<90).map { Float($0 % 3 == 0 ? 4 : 0) }
    let verdict = Self.verdict(
      Self.table(differences), [40: (5, .dropped), 46: (5, .duplicate), 52: (5, .damage)])
    #expect(verdict.isLeftAlone.indices.filter { verdict.isLeftAlone[$0] } == [40, 46])
    #expect(verdict.ranges.map(\.kind) == [.damage])
  }

  @Test func shotsOfAnimationOnThreesAreWhole() {
    let moving = MovingShapes.frames(60, width: 64, height: 48, cuts: [30], seed: 4)
    let threes = (0..<120).map { moving[$0 / 3 + (($0 / 3 >= 20) ? 10 : 0)] }
    #expect(ShotSplitter.cuts(of: threes) == [60])
  }

  // MARK: Ranges

  /// A range ends at a cut, whose echo is its own; exact repeats on either side stay.
  @Test func rangesDoNotReachOverCuts() {
    var differences = Self.moving(60)
    (differences[28], differences[30], differences[31]) = (0, 50, 0)
    let verdict = Self.verdict(
      Self.table(differences, cuts: [30]), [29: (3, .order), 32: (3, .order)])
    #expect(verdict.ranges.map(\.start) == [28, 30, 31])
    #expect(verdict.ranges.map(\.end) == [28, 30, 31])
    #expect(verdict.ranges.map(\.kind) == [.duplicate, .cut, .duplicate])
  }

  @Test func theStrongestEvidenceNamesARange() {
    let table = Self.table(Self.moving(40))
    // Weak evidence beside a strong break neither renames nor stretches it.
    let verdict = Self.verdict(
      table,
      [
        18: (1, .order), 19: (2, .order), 20: (13, .flash), 21: (12, .flash), 22: (3, .order),
        23: (1, .order),
      ])
    #expect(verdict.ranges.map(\.kind) == [.flash])
    #expect(verdict.ranges.map(\.start) == [20] && verdict.ranges.map(\.end) == [21])
    #expect(verdict.ranges[0].score == 13)
    #expect(verdict.isFlagged.indices.filter { verdict.isFlagged[$0] } == [20, 21])
  }

  @Test func aCutIsACutWhateverTheRuleSays() {
    let table = Self.table(Self.moving(40), cuts: [20])
    let verdict = Self.verdict(table, [19: (6, .order), 20: (-3, .order), 21: (8, .order)])
    #expect(verdict.ranges.map(\.kind) == [.cut])
    #expect(verdict.ranges.map(\.start) == [20] && verdict.ranges.map(\.end) == [20])
    #expect(verdict.scores[20] == 1 && verdict.scores[21] == 8)
  }

  @Test func aCutHidesNothingElse() {
    let table = Self.table(Self.moving(60), cuts: [20, 23])
    let verdict = Self.verdict(
      table,
      [
        19: (2, .order), 21: (4, .order), 26: (5, .flash), 27: (5, .flash),
        40: (4, .dropped), 41: (4, .dropped), 42: (4, .dropped), 43: (4, .dropped),
        44: (4, .dropped),
        45: (4, .dropped),
      ])
    #expect(verdict.ranges.map(\.kind) == [.cut, .cut, .flash, .dropped])
    #expect(verdict.ranges.map(\.start) == [20, 23, 26, 40])
    #expect(verdict.ranges.map(\.end) == [20, 23, 27, 45])
  }

  @Test func scoresCountFromTheThreshold() {
    let table = Self.table(Self.moving(40))
    let verdict = Self.verdict(table, [10: (4, .local), 30: (2.5, .local)], threshold: 3)
    #expect(verdict.ranges.map(\.start) == [10] && verdict.ranges[0].score == 1)
    #expect(verdict.scores[10] == 1 && verdict.scores[30] == -0.5)
  }
}
