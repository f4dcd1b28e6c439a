import Files
import Foundation
import Torch

/// What clean pictures are like, and how surprising others are beside them.
///
/// Two rules look at each token: the energy of its prediction and the distance to the nearest clean token
/// (`TokenFit`), each in deviations from what is usual at its place (`PlaceMoments`). A picture's score by a rule
/// is the mean of its greatest tokens. The score's **surprise** is -log10 of the share of clean pictures that
/// score as high. The more surprised of the two rules decides.
///
/// Clean pictures are never scored by a fit that they had a part in: they are dealt into folds, and each fold is
/// scored by a fit of the others. So their scores are, but for the few pictures less, what new clean ones would
/// have, and a threshold set on them holds for those.
package struct AnomalyModel {
  let fit: TokenFit
  let energyMoments: PlaceMoments?
  let distanceMoments: PlaceMoments
  let energyScores: CleanScores?
  let distanceScores: CleanScores
  /// The greater surprise of each clean picture.
  let surprises: CleanScores

  /// The fewest clean pictures that can be told what is usual from.
  package static let leastPictures = 10
  /// Parts that clean pictures are dealt into.
  private static let mostFolds = 5

  /// What a picture is found to be.
  package struct Score {
    /// -log10 of the share of clean pictures whose tokens fit as badly; nil where nothing is predicted.
    package let energy: Double?
    /// -log10 of the share of clean pictures with tokens as far from all others'.
    package let distance: Double
    /// The greater of both.
    package var surprise: Double { max(energy ?? 0, distance) }
  }

  /// A fit of clean pictures, and what they look like to fits that they had no part in.
  package struct Fitted {
    package let model: AnomalyModel
    /// Of every clean picture.
    package let maps: TokenMaps
    package let scores: [Score]
  }

  /// - Parameters:
  ///   - table: clean pictures, at least two; those that can be told what is usual from are `leastPictures`.
  ///   - seed: fixes folds and coresets.
  ///   - didFit: is told how many of the fits are done, and how many there are.
  package static func fit(
    _ table: TokenTable, seed: UInt64 = 0, didFit: (Int, Int) -> Void = { _, _ in }
  ) -> Fitted {
    precondition(table.count >= 2, "what is usual among \(table.count) pictures")
    let folds = Self.folds(table.count, seed: seed)
    var energies: [Tensor] = []
    var distances: [Tensor] = []
    for (place, fold) in folds.enumerated() {
      let held = Set(fold)
      let fit = TokenFit(
        table.selecting((0..<table.count).filter { !held.contains($0) }), seed: seed)
      let part = table.selecting(fold)
      if let found = fit.energies(of: part) { energies.append(found) }
      distances.append(fit.distances(of: part))
      didFit(place + 1, folds.count + 1)
    }
    // Fold by fold is not the pictures' order.
    let places = folds.flatMap { $0 }
    var order = [Int64](repeating: 0, count: places.count)
    for (row, place) in places.enumerated() { order[place] = Int64(row) }
    let indices = Tensor(order)
    let distanceMaps = Tensor.concatenate(distances).select(indices: indices)
    let energyMaps =
      energies.isEmpty ? nil : Tensor.concatenate(energies).select(indices: indices)
    let whole = TokenFit(table, seed: seed)
    didFit(folds.count + 1, folds.count + 1)

    let maps = TokenMaps(
      energies: energyMaps.map(PlaceMoments.leavingOneOut),
      distances: PlaceMoments.leavingOneOut(distanceMaps))
    let energyScores = maps.energies.map(TokenMaps.scores)
    let distanceScores = TokenMaps.scores(of: maps.distances)
    let energySurprises = energyScores.map(CleanScores.surprisesLeavingOneOut)
    let distanceSurprises = CleanScores.surprisesLeavingOneOut(distanceScores)
    let scores = (0..<table.count).map { place in
      Score(energy: energySurprises?[place], distance: distanceSurprises[place])
    }
    return Fitted(
      model: AnomalyModel(
        fit: whole, energyMoments: energyMaps.map { PlaceMoments(of: $0) },
        distanceMoments: PlaceMoments(of: distanceMaps),
        energyScores: energyScores.map { CleanScores($0) },
        distanceScores: CleanScores(distanceScores), surprises: CleanScores(scores.map(\.surprise))),
      maps: maps, scores: scores)
  }

  /// Deals pictures out by chance: neighbours in a list are often of one kind.
  private static func folds(_ count: Int, seed: UInt64) -> [[Int]] {
    var order = Array(0..<count)
    var generator = SeededGenerator(seed: seed, 1)
    generator.shuffle(&order)
    let folds = min(mostFolds, count)
    return (0..<folds).map { fold in
      stride(from: fold, to: count, by: folds).map { order[$0] }.sorted()
    }
  }

  /// What the threshold for a rate of false alarms is worth.
  func claim(falseAlarmsPer1000 wanted: Double) -> PictureAlarmClaim {
    let threshold = surprises.threshold(falseAlarmsPer1000: wanted)
    return PictureAlarmClaim(
      grounds: .reference, pictures: surprises.sorted.count,
      alarms: surprises.sorted.count { $0 > threshold }, wantedPer1000: wanted)
  }

  /// The surprise above which a picture stands out from `count` pictures without a reference: among so many clean
  /// ones, were tails exponential, one by one rule would be above it once in a hundred times.
  package static func ownThreshold(of count: Int) -> Double { log10(Double(count)) + 2 }

  /// How much each token of other pictures stands out.
  package func maps(of table: TokenTable) -> TokenMaps {
    let energies = fit.energies(of: table).flatMap { maps in energyMoments.map { $0(maps) } }
    return TokenMaps(energies: energies, distances: distanceMoments(fit.distances(of: table)))
  }

  /// How surprising other pictures are, given their maps.
  package func scores(of maps: TokenMaps) -> [Score] {
    let distances = TokenMaps.scores(of: maps.distances)
    let energies = maps.energies.map(TokenMaps.scores)
    return distances.indices.map { place in
      Score(
        energy: energies.flatMap { found in
          energyScores.map { $0.surprise(of: found[place]) }
        }, distance: distanceScores.surprise(of: distances[place]))
    }
  }
}
