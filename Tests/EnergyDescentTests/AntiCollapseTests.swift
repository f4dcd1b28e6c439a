import EnergyDescent
import Foundation
import TestSupport
import Testing
import Torch

/// What the anti-collapse objectives say of embeddings whose answer is known.
@Suite struct AntiCollapseTests {
  static func normal(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
    Tensor.normal(shape, using: RandomGenerator(seed: seed))
  }

  static func sigreg(_ embeddings: Tensor, seed: UInt64 = 2) -> Double {
    let directions = SIGReg.directions(
      256, width: embeddings.size(-1), using: RandomGenerator(seed: seed))
    return SIGReg()(embeddings, directions: directions).item()
  }

  // MARK: SIGReg

  @Test(arguments: [64, 512, 4096])
  func sigregIsAboutOneForGaussiansOfAnyNumber(count: Int) {
    // The mean over 16 samples: one statistic alone may be half of that or twice.
    let value = Self.sigreg(Self.normal([16, count, 16]))
    #expect((0.8...1.25).contains(value), "\(value)")
  }

  @Test(arguments: [64, 1024])
  func sigregIsFourTenthsOfTheNumberAtFullCollapse(count: Int) {
    let value = Self.sigreg(Tensor.zeros([count, 16]))
    #expect(abs(value / (0.41 * Double(count)) - 1) < 0.03, "\(value)")
  }

  @Test func sigregRisesWithEveryDepartureFromTheGaussian() {
    let embeddings = Self.normal([1024, 8])
    let good = Self.sigreg(embeddings)
    #expect(Self.sigreg(embeddings * 0.5) > 10 * good, "too narrow")
    #expect(Self.sigreg(embeddings * 2) > 10 * good, "too wide")
    #expect(Self.sigreg(embeddings + 1) > 10 * good, "not centred")
    let line = embeddings.slice(0..<1, along: 1).expanded(-1, 8)
    #expect(Self.sigreg(line) > 10 * good, "one direction only")
    #expect(Self.sigreg(embeddings.sign()) > 2 * good, "corners of a cube")
  }

  @Test func sigregsGradientSpreadsACollapsedBatch() {
    // Descending on nothing but the statistic takes a narrow cloud to a normal one.
    var embeddings = Self.normal([128, 4]) * 0.05
    let generator = RandomGenerator(seed: 3)
    let rule = AdamW()
    for _ in 0..<200 {
      let leaf = embeddings.detached().requiringGradient()
      let directions = SIGReg.directions(64, width: 4, using: generator)
      SIGReg()(leaf, directions: directions).backward()
      embeddings = leaf.detached()
      rule.update([embeddings], against: [leaf.gradient!], stepSize: 0.03)
    }
    #expect(Self.sigreg(embeddings) < 2)
    let deviation = embeddings.variance(0).sqrt().mean().item()
    #expect((0.7...1.3).contains(deviation), "\(deviation)")
  }

  @Test func directionsAreUnitVectors() {
    let directions = SIGReg.directions(32, width: 5, using: RandomGenerator(seed: 1))
    #expect(directions.shape == [5, 32])
    for length in directions.norm(0).array(of: Float.self) { #expect(abs(length - 1) < 1e-5) }
  }

  // MARK: VICReg

  @Test func vicregTermsOfKnownEmbeddings() {
    let vicreg = VICReg()
    let collapsed = Tensor.ones([8, 4])
    #expect(abs(vicreg.variance(collapsed).item() - 0.99) < 1e-6, "1 - sqrt(epsilon)")
    #expect(vicreg.covariance(collapsed).item() == 0)
    // The corners of a square: variance 4/3 in each of two uncorrelated dimensions.
    let square = Tensor([1, 1, 1, -1, -1, 1, -1, -1] as [Float], shape: [4, 2])
    #expect(vicreg.variance(square).item() == 0)
    #expect(abs(vicreg.covariance(square).item()) < 1e-7)
    #expect(abs(vicreg.regularizer(square).item()) < 1e-6)
    // A dimension twice: their covariance is 4/3, found twice and divided by two dimensions.
    let line = Tensor([1, 1, 1, 1, -1, -1, -1, -1] as [Float], shape: [4, 2])
    #expect(abs(vicreg.covariance(line).item() - 16.0 / 9) < 1e-5)
    // A standard deviation of half of what is wanted.
    let narrow = square * Double(0.5 * (3.0 / 4).squareRoot())
    #expect(abs(vicreg.variance(narrow).item() - (1 - (0.25 + 1e-4).squareRoot())) < 1e-5)
  }

  @Test func vicregOfEqualViewsIsItsRegularizer() {
    let (vicreg, x, y) = (VICReg(), Self.normal([16, 6]), Self.normal([16, 6], seed: 2))
    let equal = vicreg.variance(x).item() * 25 + vicreg.covariance(x).item() * 2
    #expect(abs(vicreg(x, x).item() - equal) < 1e-4)
    #expect(abs(vicreg(x, y).item() - vicreg(y, x).item()) < 1e-4)
    // Where the cloud lies does not matter to the regularizer, only how it is spread.
    #expect(abs(vicreg.regularizer(x + 3).item() - vicreg.regularizer(x).item()) < 1e-4)
  }

  // MARK: InfoNCE

  @Test func infoNCEOfKnownEmbeddings() {
    let loss = InfoNCE(temperature: 0.5)
    // All alike: the partner is found by guessing.
    let alike = Tensor.ones([8, 4])
    #expect(abs(loss(alike, keys: alike).item() - log(8)) < 1e-5)
    #expect(abs(loss.bothWays(alike, alike).item() - log(15)) < 1e-5)
    // All at right angles: similarity 1 to the partner and 0 to the others.
    let axes = Tensor.identity(4)
    let own = exp(1 / 0.5)
    #expect(abs(loss(axes, keys: axes).item() - log((own + 3) / own)) < 1e-5)
    #expect(abs(loss.bothWays(axes, axes).item() - log((own + 6) / own)) < 1e-5)
  }

  @Test func infoNCEIsBlindToLengthsAndOrder() {
    let loss = InfoNCE()
    let (x, y) = (Self.normal([12, 6]), Self.normal([12, 6], seed: 2))
    let value = loss(x, keys: y).item()
    #expect(abs(loss(x * 7, keys: y * 0.1).item() - value) < 1e-4)
    let order = Tensor.permutation(12, using: RandomGenerator(seed: 3))
    let permuted = loss(x.select(indices: order), keys: y.select(indices: order))
    #expect(abs(permuted.item() - value) < 1e-4)
    #expect(abs(loss.bothWays(x, y).item() - loss.bothWays(y, x).item()) < 1e-4)
    #expect(loss(x, keys: x).item() < value, "a picture fits itself better than a stranger")
    #expect(loss(Tensor.zeros([4, 6]), keys: Tensor.zeros([4, 6])).item().isFinite)
  }

  // MARK: RankMe

  @Test func rankMeCountsDirections() {
    #expect(abs(RankMe.of(Tensor.identity(8)) - 8) < 1e-3)
    #expect(abs(RankMe.of(Tensor.ones([20, 8])) - 1) < 1e-3)
    #expect(RankMe.of(Tensor.zeros([20, 8])) == 1)
    #expect(RankMe.of(Self.normal([512, 16])) > 15)
    #expect(RankMe.of(Tensor.full([4, 4], .nan)).isNaN)
  }
}
