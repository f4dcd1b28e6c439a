import Testing

@testable import VideoJEPA

@Suite struct StatisticNameTests {
  @Test func everyStatisticHasWords() {
    let names = (["score"] + ClipMeasurement.names).map { StatisticName($0) }
    for name in names {
      #expect(name.isKnown, "\(name.key)")
      #expect(!name.words.isEmpty && name.words.count <= 48, "\(name.key): \(name.words)")
      #expect(!name.explanation.isEmpty, "\(name.key)")
      // No key stands among the words, and the letters of pictures have them all.
      #expect(!name.words.contains { $0.isUppercase || !$0.isASCII }, "\(name.words)")
    }
    #expect(Set(names.map(\.words)).count == names.count)
  }

  @Test func wordsSayWhatIsMeasured() {
    #expect(StatisticName("energyMiddle").words == "energy, from both sides")
    #expect(StatisticName("tokenDistance4Top").words == "token distance over 4 frames, top tokens")
    #expect(StatisticName("hypothesisNext").words == "misfit as next frame, by pixels")
    #expect(StatisticName("energyPastRatio").words == "energy, from the past, against neighbours")
    #expect(StatisticName("orderRatio").words == "order ratio")
  }

  @Test func anUnknownKeyStandsForItself() {
    let name = StatisticName("somethingElse")
    #expect(name.words == "somethingElse" && name.explanation.isEmpty && !name.isKnown)
  }
}
