import Testing

@testable import Pictures
@testable import VideoJEPA

/// Curves, their axes and the letters beside them.
@Suite struct CurveSheetTests {
  private func sheet(_ values: [Float], level: Float? = nil, marked: [ClosedRange<Int>] = [])
    -> CurveSheet
  {
    CurveSheet(
      title: "Clip.mp4", panels: [CurveSheet.Panel(title: "score", values: values, level: level)],
      indices: Array(values.indices), seconds: values.indices.map { Double($0) / 25 },
      marked: marked, width: 800)
  }

  private func columns(
    _ image: RGBImage, where matches: (UInt8, UInt8, UInt8) -> Bool
  ) -> Set<Int> {
    Set(
      (0..<image.width * image.height).filter {
        matches(image.pixels[3 * $0], image.pixels[3 * $0 + 1], image.pixels[3 * $0 + 2])
      }.map { $0 % image.width })
  }

  @Test func aConstantCurveIsItsOneValue() {
    #expect(CurveSheet.Panel(title: "", values: [0.5, 0.5, .nan]).extent == "always 0.5")
    #expect(CurveSheet.Panel(title: "", values: [0.5, 2]).extent == "0.5 to 2")
    #expect(CurveSheet.Panel(title: "", values: [.nan], level: 0).extent == "no values")
    #expect(CurveSheet.Panel(title: "", values: [3, 3], level: 0).span == 0...3)
    #expect(CurveSheet.Panel(title: "", values: [.nan], level: 0).span == nil)
    // Neither is too little to draw.
    for values in [[Float](repeating: 0.5, count: 9), [.nan, .nan], []] {
      #expect(sheet(values).draw().width == 800)
    }
  }

  @Test func whatIsFlaggedIsSeenInTheLongestClip() {
    let values = (0..<20_000).map { Float($0 % 7) }
    let image = sheet(values, marked: [5_000...5_000]).draw()
    let plain = sheet(values).draw()
    func red(_ r: UInt8, _ g: UInt8, _ b: UInt8) -> Bool { r > 180 && g < 80 && b < 80 }
    #expect(columns(image, where: red).count == 2)
    #expect(columns(plain, where: red).isEmpty)
  }

  @Test func theCurveIsJoinedWhereFramesAreFew() {
    let blue = columns(sheet([0, 1, 0, 1]).draw()) { r, g, b in b > 150 && r < 60 && g < 120 }
    // From the first frame's column to the right margin.
    #expect(blue.count > 690)
  }

  // MARK: Ticks

  @Test func ticksAreRound() {
    #expect(AxisTicks.values(in: -7.4...6.3, most: 4) == [-5, 0, 5])
    #expect(
      AxisTicks.labels(of: AxisTicks.values(in: 0...0.67, most: 4)) == ["0", "0.2", "0.4", "0.6"])
    #expect(
      AxisTicks.labels(of: AxisTicks.values(in: 1000.01...1000.12, most: 3))
        == ["1000.05", "1000.1"])
    #expect(AxisTicks.values(in: 0...3, most: 9, isWhole: true) == [0, 1, 2, 3])
    #expect(AxisTicks.values(in: 2...2, most: 4).isEmpty)
    for (low, high) in [(0.0, 1e-7), (-3e8, 5.0), (99.9, 100.1)] {
      let ticks = AxisTicks.values(in: low...high, most: 5)
      #expect((2...5).contains(ticks.count) && ticks.allSatisfy { low <= $0 && $0 <= high })
    }
  }

  @Test func framesStandWhereTheyAre() {
    #expect(AxisTicks.rows(of: Array(0..<100), most: 6) == [0, 20, 40, 60, 80])
    // One frame in three, from the tenth on.
    let indices = Array(stride(from: 10, to: 100, by: 3))
    #expect(AxisTicks.rows(of: indices, most: 5).map { indices[$0] } == [22, 40, 61, 82])
    #expect(AxisTicks.rows(of: [7], most: 5) == [0] && AxisTicks.rows(of: [], most: 5).isEmpty)
  }

  @Test func timesAreShort() {
    #expect(
      [0, 4, 4.04, 59.999, 83.25, -0.5].map { AxisTicks.time($0) } == [
        "0:00", "0:04", "0:04.04", "1:00", "1:23.25", "-0:00.5",
      ])
  }

  // MARK: Letters

  @Test func smallLettersAreNotCapitals() {
    for letter in "abcdefghijklmnopqrstuvwxyz" {
      let capital = Character(letter.uppercased())
      #expect(LetterFont.rows(of: letter) != LetterFont.rows(of: capital), "\(letter)")
    }
    let printable = (32..<127).map { Character(UnicodeScalar($0)) }
    let rows = printable.map { LetterFont.rows(of: $0) }
    #expect(Set(rows).count == printable.count, "no two look alike")
    #expect(rows.allSatisfy { $0.count <= LetterFont.glyphHeight && $0.allSatisfy { $0 < 32 } })
    // Accents stand above, on small letters and capitals.
    let accented = "äéîõåžÄÉÎÕÅŽ".map { LetterFont.rows(of: $0) }
    #expect(Set(accented + rows).count == accented.count + rows.count)
    #expect(LetterFont.rows(of: "é").dropFirst(2) == LetterFont.rows(of: "e").dropFirst(2))
    #expect(accented.allSatisfy { $0.count == 7 })
    #expect(LetterFont.rows(of: "ç") == LetterFont.rows(of: "c"))
    #expect(LetterFont.rows(of: "影").first == 0b11111)
  }
}
