import Foundation
import Testing
import Torch

@testable import Embeddings
@testable import Evaluation

@Suite struct PoolingTests {
  let tokens = Tensor.normal([3, 5, 4], using: RandomGenerator(seed: 1))

  private func close(_ left: Tensor, _ right: Tensor, _ tolerance: Double = 1e-6) -> Bool {
    left.shape == right.shape && (left - right).abs().max().item() < tolerance
  }

  @Test func eachIsItsFormula() {
    let values = tokens.array(of: Float.self)
    func token(_ picture: Int, _ place: Int) -> [Double] {
      (0..<4).map { Double(values[(picture * 5 + place) * 4 + $0]) }
    }
    let attended = Pooling.attention(tokens).array(of: Float.self)
    for picture in 0..<3 {
      let all = (0..<5).map { token(picture, $0) }
      let query = (0..<4).map { d in all.map { $0[d] }.reduce(0, +) / 5 }
      let scores = all.map { exp(zip($0, query).map(*).reduce(0, +) / 2) }
      for d in 0..<4 {
        let expected = zip(scores, all).map { $0 * $1[d] }.reduce(0, +) / scores.reduce(0, +)
        #expect(abs(Double(attended[picture * 4 + d]) - expected) < 1e-5)
      }
    }
    #expect(close(Pooling.mean(tokens), tokens.sum(1) / 5))
    #expect(close(Pooling.max(tokens), tokens.sorted(along: 1).values.select(4, along: 1)))
    #expect(close(Pooling.none(tokens), tokens))
  }

  @Test(arguments: [Pooling.mean, .max, .attention])
  func theOrderOfTokensDoesNotMatter(pooling: Pooling) {
    #expect(close(pooling(tokens), pooling(tokens.flipped(1))))
  }

  @Test(arguments: [Pooling.mean, .max, .attention])
  func equalTokensAreTheirEmbedding(pooling: Pooling) {
    let one = tokens.slice(0..<1, along: 1)
    #expect(close(pooling(one.expanded(3, 5, 4)), one.squeezed(1)))
  }
}
