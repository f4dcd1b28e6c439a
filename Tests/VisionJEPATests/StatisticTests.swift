import Foundation
import Testing

@testable import VideoJEPA

@Suite struct StatisticTests {
  @Test func everyKeyNamesOneStatistic() throws {
    let keys = Statistic.all.map(\.key)
    #expect(Set(keys).count == keys.count && keys.count == 61)
    for statistic in Statistic.all {
      #expect(Statistic(key: statistic.key) == statistic, "\(statistic)")
    }
    #expect(Statistic(key: "somethingElse") == nil && Statistic(key: "") == nil)
    let coded = try JSONEncoder().encode(Statistic.all)
    #expect(try JSONDecoder().decode([Statistic].self, from: coded) == Statistic.all)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([Statistic].self, from: Data(#"["energySideways"]"#.utf8))
    }
  }

  /// Checkpoints hold rules that name their statistics, and scores that were written name their columns.
  @Test func keysStayAsTheyAre() {
    let expected: [Statistic: String] = [
      .pixelDifference(.mean): "pixelDifference",
      .interpolationError(.top): "interpolationErrorTop",
      .energy(.middle, .mean): "energyMiddle", .energy(.past, .greatest): "energyPastMax",
      .copyLast(.top): "copyLastTop", .distance(.tokens, lag: 4, .top): "tokenDistance4Top",
      .distance(.pixels, lag: 1, .mean): "pixelDistance1",
      .misfit(.swapped, .pixels): "hypothesisSwapped",
      .misfit(.skipped4, .tokens): "tokenHypothesisSkipped4",
      .ratio(.energy(.past, .mean)): "energyPastRatio",
    ]
    for (statistic, key) in expected { #expect(statistic.key == key) }
  }

  @Test func everyStatisticHasWords() {
    for statistic in Statistic.all {
      let words = statistic.words
      #expect(!words.isEmpty && words.count <= 48, "\(statistic): \(words)")
      #expect(!statistic.explanation.isEmpty, "\(statistic)")
      // No key stands among the words, and the letters of pictures have them all.
      #expect(!words.contains { $0.isUppercase || !$0.isASCII }, "\(words)")
    }
    #expect(Set(Statistic.all.map(\.words)).count == Statistic.all.count)
  }

  @Test func wordsSayWhatIsMeasured() {
    #expect(Statistic.energy(.middle, .mean).words == "energy, from both sides")
    #expect(Statistic.energy(.past, .greatest).words == "energy, from the past, worst token")
    #expect(
      Statistic.distance(.tokens, lag: 4, .top).words == "token distance over 4 frames, top tokens")
    #expect(Statistic.misfit(.next, .pixels).words == "misfit as next frame, by pixels")
    #expect(
      Statistic.ratio(.energy(.past, .mean)).words == "energy, from the past, against neighbours")
    #expect(Statistic.orderRatio.words == "order ratio")
  }

  @Test func noiseIsThatOfTheUnit() {
    #expect(Statistic.pixelDifference(.top).noiseFloor == 0.2)
    #expect(Statistic.distance(.tokens, lag: 2, .mean).noiseFloor == 0.03)
    #expect(Statistic.ratio(.energy(.future, .mean)).noiseFloor == 1e-3)
    #expect(Statistic.misfit(.cut, .tokens).noiseFloor == 0.03)
    #expect(Statistic.cosineDistance.noiseFloor == 0.2)
  }
}
