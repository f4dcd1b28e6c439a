import Testing
import Torch

@testable import Evaluation
@testable import Files

@Suite struct CorruptionTests {
  let pictures = Tensor.uniform([6, 3, 32, 32], using: RandomGenerator(seed: 1))

  func sortedPixels(_ pictures: Tensor, _ item: Int) -> [Float] {
    pictures[item].flattened().sorted().values.array(of: Float.self)
  }

  @Test(arguments: Corruption.allCases)
  func changesPicturesButNotItsInput(corruption: Corruption) throws {
    let before = pictures.clone()
    let after = try corruption(pictures, tokenSize: 8, seed: 4)
    #expect(after.shape == pictures.shape && !after.sharesMemory(with: pictures))
    #expect((pictures .== before).all().item() == 1)
    #expect(after.min().item() >= 0 && after.max().item() <= 1)
    for item in 0..<6 { #expect((after[item] - before[item]).abs().max().item() > 0) }
    #expect((try corruption(pictures, tokenSize: 8, seed: 4) .== after).all().item() == 1)
    #expect((try corruption(pictures, tokenSize: 8, seed: 5) .== after).all().item() == 0)
  }

  @Test(arguments: [Corruption.blockSwap, .blockSwapOffGrid, .noise])
  func doesNotDependOnTheBatch(corruption: Corruption) throws {
    let whole = try corruption(pictures, tokenSize: 8, seed: 4)
    let part = try corruption(pictures.slice(2..<5), tokenSize: 8, seed: 4, firstItem: 2)
    #expect((part .== whole.slice(2..<5)).all().item() == 1)
  }

  @Test func swapsMoveTwoBlocksAndNothingElse() throws {
    for (corruption, offset) in [(Corruption.blockSwap, 0), (.blockSwapOffGrid, 4)] {
      let after = try corruption(pictures, tokenSize: 8, seed: 4)
      for item in 0..<6 {
        #expect(sortedPixels(after, item) == sortedPixels(pictures, item))
        let changed = (after[item] .!= pictures[item]).any(0).nonzero()
          .array(of: Int64.self).map(Int.init)
        let pixels = Set(
          stride(from: 0, to: changed.count, by: 2).map { changed[$0] * 32 + changed[$0 + 1] })
        #expect(pixels.count == 2 * 64)
        let cells = Set(pixels.map { ($0 / 32 - offset) / 8 * 4 + ($0 % 32 - offset) / 8 })
        #expect(cells.count == 2)
        #expect(pixels.allSatisfy { $0 / 32 >= offset && $0 % 32 >= offset })
      }
    }
  }

  @Test func greaterGridsSwapGreaterBlocks() throws {
    let after = try Corruption.blockSwap(pictures, tokenSize: 4, seed: 1)
    let changed = (after .!= pictures).any(1).sum(1, 2).array(of: Int64.self)
    #expect(changed == [Int64](repeating: 2 * 64, count: 6))
  }

  @Test func aQuadrantIsThatOfAnother() throws {
    let after = try Corruption.replacedQuadrant(pictures, tokenSize: 8, seed: 4)
    for item in 0..<6 {
      var replaced = 0
      for (top, left) in [(0, 0), (0, 16), (16, 0), (16, 16)] {
        func quadrant(_ x: Tensor, _ item: Int) -> Tensor {
          x[item].slice(top..<top + 16, along: 1).slice(left..<left + 16, along: 2)
        }
        let source = (0..<6).filter {
          (quadrant(after, item) .== quadrant(pictures, $0)).all().item() == 1
        }
        #expect(source.count == 1)
        replaced += source == [item] ? 0 : 1
      }
      #expect(replaced == 1)
    }
  }

  @Test func refusesPicturesWithoutRoom() {
    let small = Tensor.zeros([2, 3, 16, 16])
    #expect(throws: EvaluationError.self) {
      try Corruption.blockSwap(small, tokenSize: 16, seed: 0)
    }
    #expect(throws: EvaluationError.self) {
      try Corruption.blockSwapOffGrid(small, tokenSize: 8, seed: 0)
    }
    #expect(throws: EvaluationError.self) {
      try Corruption.replacedQuadrant(small.slice(0..<1), tokenSize: 8, seed: 0)
    }
    #expect(throws: EvaluationError.self) {
      try Corruption.noise(Tensor.zeros([3, 16, 16]), tokenSize: 8, seed: 0)
    }
  }
}

@Suite struct EnergyEvaluationTests {
  /// Pictures of smooth ramps: everything that is cut shows as an edge.
  var batches: [Tensor] {
    let ramp = Tensor.linearSpace(from: 0, to: 1, count: 32)
    let generator = RandomGenerator(seed: 3)
    return (0..<3).map { _ in
      let slopes = Tensor.uniform([8, 3, 1, 1], using: generator)
      return slopes * ramp.reshaped(1, 1, 1, 32) + (1 - slopes) * ramp.reshaped(1, 1, 32, 1)
    }
  }

  func roughness(_ x: Tensor) -> Tensor {
    (x.slice(1..<32, along: 3) - x.slice(0..<31, along: 3)).squared().mean(1, 2, 3)
      + (x.slice(1..<32, along: 2) - x.slice(0..<31, along: 2)).squared().mean(1, 2, 3)
  }

  @Test func anEnergyThatSeesEdgesSeesCuts() throws {
    let figures = try EnergyEvaluation.run(
      batches: batches, tokenSize: 8, energy: roughness,
      control: { Tensor.zeros([$0.size(0)]) })
    #expect(Set(figures.keys) == Set(Corruption.allCases))
    for corruption in [Corruption.blockSwap, .blockSwapOffGrid, .noise] {
      #expect(figures[corruption]!.paired == 1)
      #expect(figures[corruption]!.auroc > 0.9)
    }
    for figure in figures.values {
      #expect(figure.controlAuroc == 0.5 && figure.controlPaired == 0.5)
    }
  }

  @Test func anOrderlessEnergyDoesNotSeeSwaps() throws {
    let figures = try EnergyEvaluation.run(
      batches: batches, tokenSize: 8, corruptions: [.blockSwap],
      energy: { $0.max(1, 2, 3) }, control: { -$0.max(1, 2, 3) })
    #expect(
      figures
        == [.blockSwap: .init(auroc: 0.5, paired: 0.5, controlAuroc: 0.5, controlPaired: 0.5)])
  }

  @Test func refusesBadEnergiesAndNoPictures() {
    let zero: (Tensor) -> Tensor = { Tensor.zeros([$0.size(0)]) }
    #expect(throws: EvaluationError.notANumber(purpose: "energy of clean pictures", item: 0)) {
      try EnergyEvaluation.run(
        batches: batches, tokenSize: 8, energy: { Tensor.full([$0.size(0)], .nan) }, control: zero)
    }
    #expect(throws: EvaluationError.self) {
      try EnergyEvaluation.run(
        batches: batches, tokenSize: 8, energy: { $0.mean() }, control: zero)
    }
    #expect(throws: InputError.self) {
      try EnergyEvaluation.run(batches: [], tokenSize: 8, energy: zero, control: zero)
    }
  }
}
