import TestSupport
import Testing
import Torch

@testable import ImageJEPA

/// Predictions of hidden tokens, as a search for anomalies asks for them.
@Suite struct TokenPredictionTests {
  private static func method(_ name: MethodName) throws -> any TrainingMethod {
    var configuration = ImageTrainingConfiguration()
    configuration.imageSize = 32
    configuration.encoder.preset = .convMicro
    configuration.encoder.patchSize = 8
    configuration.method.name = name
    configuration.views = name.defaultViews(imageSize: 32, patchSize: 8)
    let method = try configuration.makeMethod(using: RandomGenerator(seed: 1))
    for module in [method.encoder] + method.companions.map(\.module) { module.train(false) }
    return method
  }

  private static let masks: [[Int64]] = [[0, 1, 4, 5], [10, 11, 14]]

  /// What is hidden has no part in its prediction: other pixels there move no bit of it.
  @Test(arguments: [MethodName.views, .masks, .ijepa])
  func predictionsDoNotSeeWhatIsHidden(name: MethodName) throws {
    let method = try Self.method(name)
    let pictures = LeakTests.pictures()
    for mask in Self.masks {
      let kept = (0..<16 as Range<Int64>).filter { !mask.contains($0) }
      let spoiled = LeakTests.spoiled(
        pictures, besides: Tensor(kept + kept, shape: [2, kept.count]), stride: 8)
      let before = try #require(method.tokenPredictions(of: pictures, hiding: [Tensor(mask)]))[0]
      let after = try #require(method.tokenPredictions(of: spoiled, hiding: [Tensor(mask)]))[0]
      #expect(before.shape.prefix(2) == [2, mask.count])
      #expect(LeakTests.isSame(before, after))
      let seen = try #require(
        method.tokenPredictions(of: pictures + 0.05, hiding: [Tensor(mask)]))[0]
      #expect(!LeakTests.isSame(before, seen))
    }
  }

  @Test(arguments: [MethodName.views, .masks, .ijepa])
  func masksDoNotTouchEachOther(name: MethodName) throws {
    let method = try Self.method(name)
    let pictures = LeakTests.pictures()
    let both = try #require(
      method.tokenPredictions(of: pictures, hiding: Self.masks.map { Tensor($0) }))
    for (mask, found) in zip(Self.masks, both) {
      let alone = try #require(method.tokenPredictions(of: pictures, hiding: [Tensor(mask)]))[0]
      #expect(LeakTests.isSame(found, alone))
    }
  }

  @Test func whatPredictsNothingSaysSo() throws {
    let method = try Self.method(.lejepa)
    #expect(method.tokenPredictions(of: LeakTests.pictures(), hiding: [Tensor([0])]) == nil)
  }
}
