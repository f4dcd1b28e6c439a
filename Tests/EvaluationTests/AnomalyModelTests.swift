import Files
import Foundation
import TestSupport
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation
@testable import ImageJEPA

/// What `jepa anomalies` computes, piece by piece.
@Suite struct AnomalyModelTests {
  // MARK: Masks

  @Test(arguments: [2, 3, 4, 8, 13])
  func everyTokenIsHiddenOnceARound(side: Int) throws {
    let grid = TokenGrid(height: side, width: side)
    let masks = try #require(TokenMasks(grid, rounds: 3, seed: 5))
    var counts = [Int](repeating: 0, count: grid.count)
    for mask in masks.hidden {
      #expect(mask == mask.sorted() && Set(mask).count == mask.count)
      #expect(mask.count < grid.count, "a mask that hides everything")
      for token in mask { counts[Int(token)] += 1 }
    }
    #expect(counts == [Int](repeating: 3, count: grid.count))
    #expect(TokenMasks(grid, rounds: 3, seed: 5)?.hidden == masks.hidden)
  }

  @Test func aSingleTokenCannotBePredicted() {
    #expect(TokenMasks(TokenGrid(height: 1, width: 1), rounds: 3, seed: 5) == nil)
  }

  // MARK: Coresets

  @Test func aCoresetHoldsEveryClusterBeforeASecondOfOne() {
    // Three clusters of very different sizes, far apart.
    let generator = RandomGenerator(seed: 1)
    let rows = [(0.0, 200), (50.0, 5), (-80.0, 1)].map { middle, count in
      Tensor.normal([count, 40], using: generator) * 0.1 + middle
    }
    let chosen = CoreSet.choose(3, of: Tensor.concatenate(rows), seed: 3)
    #expect(Set(chosen.map { $0 < 200 ? 0 : $0 < 205 ? 1 : 2 }) == [0, 1, 2])
  }

  @Test func noTokenIsFartherFromTheCoresetThanItsOwnTokensFromEachOther() {
    let tokens = Tensor.normal([300, 8], using: RandomGenerator(seed: 2))
    let chosen = CoreSet.choose(20, of: tokens, seed: 3)
    #expect(Set(chosen).count == 20)
    let bank = tokens.select(indices: Tensor(chosen.map(Int64.init)))
    let farthest = TokenBank(bank).distances(of: tokens).max().item()
    let between = (0..<20).map { place in
      let others = (0..<20).filter { $0 != place }.map(Int64.init)
      return TokenBank(bank.select(indices: Tensor(others)))
        .distances(of: bank.slice(place..<place + 1)).item()
    }
    #expect(farthest <= between.min()! + 1e-4)
  }

  @Test func copiesAreChosenOnce() {
    let two = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    #expect(CoreSet.choose(5, of: two.repeatingEach(10), seed: 1).count == 2)
  }

  @Test func distancesAreThoseToTheNearest() {
    let bank = TokenBank(Tensor([0, 0, 3, 4] as [Float], shape: [2, 2]))
    let found = bank.distances(of: Tensor([0, 1, 3, 4, 3, 0] as [Float], shape: [3, 2]))
    for (value, expected) in zip(found.array(of: Float.self), [1, 0, 3] as [Float]) {
      #expect(abs(value - expected) < 1e-3)
    }
  }

  // MARK: Whitening and moments

  @Test func whitenedTokensAreUncorrelated() {
    let mixing = Tensor.normal([6, 6], using: RandomGenerator(seed: 4))
    let rows = Tensor.normal([4000, 6], using: RandomGenerator(seed: 5)).matmul(mixing) + 7
    let white = TokenWhitening(of: rows, floor: 0)(rows).to(.float64)
    let covariance = white.transposed().matmul(white) / 4000
    let error = (covariance - Tensor.identity(6, dtype: .float64)).abs().max().item()
    #expect(error < 1e-3 && white.mean(0).abs().max().item() < 1e-4)
  }

  @Test func leavingOneOutIsFittingTheOthers() {
    let maps = Tensor.normal([7, 5], using: RandomGenerator(seed: 6))
    let left = PlaceMoments.leavingOneOut(maps)
    for place in 0..<7 {
      let others = Tensor((0..<7).filter { $0 != place }.map(Int64.init))
      let expected = PlaceMoments(of: maps.select(indices: others))(
        maps.slice(place..<place + 1))
      #expect((left.slice(place..<place + 1) - expected).abs().max().item() < 1e-4)
    }
  }

  // MARK: Surprise and threshold

  @Test func surpriseCountsWithinAndGoesOnBeyond() {
    let scores = CleanScores((1...999).map(Double.init))
    // 100 of 999 are at or above 900.
    #expect(abs(scores.surprise(of: 900) + log10(101.0 / 1000)) < 1e-6)
    #expect(scores.surprise(of: -5) == 0)
    let rising = [1, 2.5, 500, 899.5, 900, 950, 999, 1000, 5000].map(scores.surprise)
    #expect(zip(rising, rising.dropFirst()).allSatisfy { $0 < $1 })
    #expect(CleanScores([2, 2, 2]).surprise(of: 3) > 3)
  }

  @Test func surprisesLeaveTheirOwnScoreOut() {
    let scores: [Double] = [3, 1, 4, 1.5, 9, 2.6]
    let found = CleanScores.surprisesLeavingOneOut(scores)
    for (place, score) in scores.enumerated() {
      var others = scores
      others.remove(at: place)
      #expect(found[place] == CleanScores(others).surprise(of: score))
    }
  }

  /// The claim holds: of thresholds set on clean scores, nearly all let through no more than they say.
  @Test(arguments: [(100, 50.0), (300, 10.0), (1000, 10.0)])
  func thresholdsKeepTheirRate(count: Int, wanted: Double) {
    var generator = SeededGenerator(seed: 8)
    var broken = 0
    for _ in 0..<200 {
      let clean = CleanScores((0..<count).map { _ in -log(1 - Double(generator.uniform())) })
      let threshold = clean.threshold(falseAlarmsPer1000: wanted)
      // The true rate of exponential scores.
      if exp(-threshold) > wanted / 1000 { broken += 1 }
    }
    // 95 % confidence: 10 of 200, give or take.
    #expect(broken <= 20)
  }

  @Test func fewPicturesClaimLittle() {
    let few = PictureAlarmClaim(grounds: .reference, pictures: 30, alarms: 0, wantedPer1000: 10)
    #expect(!few.isMet && few.certifiedPer1000! > 90)
    #expect("\(few)".contains("10 in 1000 would need 300 clean pictures"))
    let many = PictureAlarmClaim(grounds: .reference, pictures: 400, alarms: 0, wantedPer1000: 10)
    #expect(many.isMet && many.certifiedPer1000 == 10)
    let none = PictureAlarmClaim(grounds: .folder, pictures: 400, alarms: 1, wantedPer1000: 10)
    #expect(!none.isMet && none.certifiedPer1000 == nil)
    #expect("\(none)".hasPrefix("no reference: "))
  }

  // MARK: The model

  /// Tokens of 4 by 4 places that follow from a number for each picture, and predictions that know it.
  private static func table(_ count: Int, seed: UInt64, noise: Double = 0.1) -> TokenTable {
    let generator = RandomGenerator(seed: seed)
    let hidden = Tensor.normal([count, 1, 3], using: generator)
    let weights = Tensor.normal([3, 6], using: RandomGenerator(seed: 99))
    let tokens =
      hidden.matmul(weights).expanded(count, 16, 6)
      + Tensor.normal([count, 16, 6], using: generator) * noise
    let predictions =
      hidden.expanded(count, 16, 3) + Tensor.normal([count, 16, 3], using: generator) * 0.01
    return TokenTable(
      names: (0..<count).map { "\($0)" }, tokens: tokens, predictions: predictions)
  }

  @Test func anOddTokenIsFoundByBothRules() throws {
    let model = AnomalyModel.fit(Self.table(60, seed: 1)).model
    let new = Self.table(20, seed: 2)
    let odd = new.tokens.clone()
    odd[3][9].assign(Tensor([4, -4, 4, -4, 4, -4] as [Float]))
    let maps = model.maps(
      of: TokenTable(names: new.names, tokens: odd, predictions: new.predictions))
    let scores = model.scores(of: maps)
    #expect(scores.indices.max { scores[$0].energy! < scores[$1].energy! } == 3)
    #expect(scores.indices.max { scores[$0].distance < scores[$1].distance } == 3)
    #expect(try #require(maps.energies)[3].argmax(0).integer() == 9)
    #expect(maps.distances[3].argmax(0).integer() == 9)
  }

  /// A token that is usual by itself and wrong where it is: only the prediction can tell.
  @Test func aTokenOfAnotherPictureIsFoundByTheEnergyAlone() {
    let model = AnomalyModel.fit(Self.table(80, seed: 1)).model
    let new = Self.table(20, seed: 2)
    let odd = new.tokens.clone()
    odd[3][9].assign(new.tokens[5][9])
    let scores = model.scores(
      of: model.maps(of: TokenTable(names: new.names, tokens: odd, predictions: new.predictions)))
    #expect(scores.indices.max { scores[$0].energy! < scores[$1].energy! } == 3)
    #expect(scores.indices.max { scores[$0].distance < scores[$1].distance } != 3)
  }

  /// Clean pictures that had no part in the fit score like those that the threshold was set on.
  @Test func newCleanPicturesScoreLikeTheReference() {
    let fitted = AnomalyModel.fit(Self.table(150, seed: 1))
    let new = fitted.model.scores(of: fitted.model.maps(of: Self.table(150, seed: 2)))
    for rule in [{ $0.distance }, { $0.energy! }] as [(AnomalyModel.Score) -> Double] {
      let high = new.count { rule($0) > 1 }
      #expect((3...30).contains(high), "\(high) of 150 are among the upper tenth")
    }
  }

  @Test func withoutPredictionsDistancesDecide() {
    let table = Self.table(30, seed: 1)
    let fitted = AnomalyModel.fit(TokenTable(names: table.names, tokens: table.tokens))
    #expect(fitted.maps.energies == nil)
    #expect(fitted.scores.allSatisfy { $0.energy == nil && $0.surprise == $0.distance })
  }

  @Test func theSameTwiceIsTheSame() {
    let (first, second) = (
      AnomalyModel.fit(Self.table(25, seed: 1)), AnomalyModel.fit(Self.table(25, seed: 1))
    )
    #expect(first.scores.map(\.surprise) == second.scores.map(\.surprise))
  }

  // MARK: Calibration files

  @Test func aCalibrationReadsBackAsItWas() throws {
    let folder = try OutputFolder()
    let model = AnomalyModel.fit(Self.table(30, seed: 1)).model
    let path = folder("good.safetensors")
    try AnomalyCalibration(identity: "a1", reference: "good", model: model).write(to: path)
    let read = try AnomalyCalibration.read(from: path, identity: "a1")
    #expect(read.reference == "good")
    let new = Self.table(10, seed: 2)
    let (before, after) = (
      model.scores(of: model.maps(of: new)), read.model.scores(of: read.model.maps(of: new))
    )
    #expect(before.map(\.surprise) == after.map(\.surprise))
    #expect(before.map(\.energy) == after.map(\.energy))
    #expect(read.claim(falseAlarmsPer1000: 10) == model.claim(falseAlarmsPer1000: 10))
    #expect(throws: AnomalyError.otherModel(path: path, expected: "b2", found: "a1")) {
      try AnomalyCalibration.read(from: path, identity: "b2")
    }
  }

  @Test func otherFilesAreNoCalibrations() throws {
    let folder = try OutputFolder()
    let path = folder("weights.safetensors")
    try SafetensorsWriter.write([("a", Tensor.zeros([2]))], to: path)
    #expect {
      try AnomalyCalibration.read(from: path, identity: "a1")
    } throws: { error in
      "\(error)".contains("expected a file that jepa anomalies --write-calibration wrote")
    }
  }

  @Test func tensorsThatDoNotFitEachOtherAreRefused() throws {
    let folder = try OutputFolder()
    let path = folder("good.safetensors")
    let model = AnomalyModel.fit(Self.table(30, seed: 1)).model
    try AnomalyCalibration(identity: "a1", reference: "good", model: model).write(to: path)
    let file = try SafetensorsFile(path: path)
    for name in ["tokens.mean", "readout", "errors.weight", "energies.deviation"] {
      let spoiled = folder("\(name).safetensors")
      try SafetensorsWriter.write(
        try file.names.map {
          ($0, $0 == name ? Tensor.zeros([3, 2]) : try file.tensor($0))
        }, metadata: file.metadata, to: spoiled)
      #expect {
        try AnomalyCalibration.read(from: spoiled, identity: "a1")
      } throws: { error in
        "\(error)".contains("\(name) has the shape [3, 2]")
      }
    }
  }

  @Test func numbersThatAreNoneAreRefused() {
    let table = Self.table(5, seed: 1)
    let tokens = table.tokens.clone()
    tokens[3][2].assign(.nan)
    #expect(throws: EmbeddingError.nonFiniteEmbedding(row: 13, path: "3")) {
      try TokenTable(names: table.names, tokens: tokens).requireNumbers(first: 10)
    }
  }
}
