import Foundation
import TestSupport
import Testing
import Torch

/// Operators whose arguments this package names or orders in its own way; the arithmetic is libtorch's.
@Suite struct TensorOperatorTests {
  let matrix = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])

  func values(_ tensor: Tensor) -> [Double] { tensor.to(.float64).array() }

  @Test func arithmeticWithNumbersOnEitherSide() {
    let x = Tensor([1, 4] as [Float])
    #expect(values(x + 1) == [2, 5])
    #expect(values(1 - x) == [0, -3])
    #expect(values(8 / x) == [8, 2])
    #expect(values(-x * 2 - 1) == [-3, -9])
    #expect(values(x.raised(to: 0.5)) == [1, 2])
    #expect(values(x.raised(to: Tensor([2, 3] as [Float]))) == [1, 64])
    #expect(values(x.clamped(to: 2...3)) == [2, 3])
    #expect(values(Tensor([-5, 5] as [Float]).remainder(dividingBy: 3)) == [1, 2])
    #expect(values(x.lerp(to: x * 3, weight: 0.25)) == [1.5, 6])
  }

  @Test func broadcastingAndProducts() {
    #expect(values(matrix + Tensor([10, 20, 30] as [Float])) == [11, 22, 33, 14, 25, 36])
    #expect(values(matrix.matmul(matrix.transposed())) == [14, 32, 32, 77])
    #expect(matrix.expanded(4, -1, -1).shape == [4, 2, 3])
  }

  @Test func comparisonsAndChoices() {
    let mask = matrix .> 2
    #expect(mask.dtype == .bool)
    #expect(values(matrix.select(where: mask .& (matrix .<= 4))) == [3, 4])
    #expect(values(matrix.filled(with: 0, where: .!mask)) == [0, 0, 3, 4, 5, 6])
    #expect(values(matrix.choose(where: mask, else: -matrix)) == [-1, -2, 3, 4, 5, 6])
    #expect(((matrix .== matrix) .& (matrix .>= 1)).all().integer() == 1)
    #expect(((matrix .< 0) .| (matrix .!= matrix)).any().integer() == 0)
    #expect(mask.nonzero().shape == [4, 2])
    let odd = Tensor([Float.nan, .infinity, 1])
    #expect(values(odd.isNaN()) == [1, 0, 0])
    #expect(values(odd.isFinite()) == [0, 0, 1])
  }

  @Test func reductionsOverAllOrSomeDimensions() {
    #expect(matrix.sum().item() == 21)
    #expect(values(matrix.sum(0)) == [5, 7, 9])
    #expect(matrix.mean(1, keepingDimensions: true).shape == [2, 1])
    #expect(values(matrix.max(-1)) == [3, 6])
    #expect(values(matrix.min(0)) == [1, 2, 3])
    #expect(values(matrix.variance(1)) == [1, 1])
    #expect(abs(matrix.variance(correction: 0).item() - 35.0 / 12) < 1e-6)
    #expect(abs(matrix.norm().item() - 91.0.squareRoot()) < 1e-6)
    #expect(abs((matrix * 100).logSumExp().item() - 600) < 1e-4)
    #expect(values(matrix.argmax(1)) == [2, 2])
    #expect(values(matrix.argmin(0)) == [0, 0, 0])
    #expect(values(matrix.cumulativeSum(1)) == [1, 3, 6, 4, 9, 15])
    #expect(values(matrix.softmax(0).sum(0)) == [1, 1, 1])
  }

  @Test func ordering() {
    let x = Tensor([3, 1, 2, 1] as [Float])
    let sorted = x.sorted()
    #expect(values(sorted.values) == [1, 1, 2, 3])
    #expect(values(sorted.indices) == [1, 3, 2, 0])
    let top = x.top(2)
    #expect(values(top.values) == [3, 2])
    #expect(values(x.top(1, largest: false).values) == [1])
  }

  @Test func viewsAndJoins() {
    #expect(matrix.reshaped(3, -1).shape == [3, 2])
    #expect(matrix.reshaped(3, -1).sharesMemory(with: matrix))
    #expect(values(matrix.slice(0..<3, along: 1, by: 2)) == [1, 3, 4, 6])
    #expect(matrix.split(into: 3, along: 1).map { values($0) } == [[1, 4], [2, 5], [3, 6]])
    #expect(values(Tensor.concatenate([matrix, matrix[0].unsqueezed(0)])).count == 9)
    #expect(Tensor.stack([matrix, matrix], along: 1).shape == [2, 2, 3])
    #expect(matrix.permuted(1, 0).unsqueezed(-1).squeezed(-1).flattened().shape == [6])
    #expect(values(matrix.flipped(1)) == [3, 2, 1, 6, 5, 4])
    #expect(values(matrix.rolled(by: 1, along: 1)) == [3, 1, 2, 6, 4, 5])
    #expect(values(matrix[0].repeatingEach(2)) == [1, 1, 2, 2, 3, 3])
    #expect(values(matrix[0].tiled(2)) == [1, 2, 3, 1, 2, 3])
    #expect(values(Tensor.ones([2, 2]).lowerTriangle()) == [1, 0, 1, 1])
    #expect(values(Tensor.ones([2, 2]).upperTriangle(diagonal: 1)) == [0, 1, 0, 0])
    #expect(values(Tensor.identity(2)) == [1, 0, 0, 1])
    #expect(values(matrix.slice(0..<2, along: 1).diagonal()) == [1, 5])
  }

  /// A gradient in another order than what it is added to is read with strides, which took an eighth of a step.
  @Test func gradientOfAConvolutionKeepsChannelsLast() {
    let pictures = Tensor.ones([2, 8, 6, 6]).channelsLast().requiringGradient()
    for (kernel, stride) in [(1, 2), (3, 2), (3, 1)] {
      let loss = pictures.convolved(with: .ones([4, 8, kernel, kernel]), stride: stride).sum()
      let gradient = gradients(of: [loss], withRespectTo: [pictures])[0]
      #expect(gradient?.strides == pictures.strides, "\(kernel), \(stride)")
    }
  }

  @Test func tokensGatheredAndPutBack() {
    let tokens = Tensor.range(to: 24).reshaped(2, 4, 3)
    let indices = Tensor([3, 0, 1, 2] as [Int64], shape: [2, 2])
    let gathered = tokens.gatherTokens(indices)
    #expect(values(gathered) == [9, 10, 11, 0, 1, 2, 15, 16, 17, 18, 19, 20])
    let places = indices.unsqueezed(2).expanded(-1, -1, 3)
    let restored = tokens.scattered(gathered, at: places, along: 1)
    #expect(values(restored) == values(tokens))
    #expect(values(matrix.select(indices: Tensor([2, 0] as [Int64]), along: 1)) == [3, 1, 6, 4])
    let target = Tensor.zeros([3, 2])
    target.assign(Tensor.ones([1, 2]), at: Tensor([1] as [Int64]))
    #expect(values(target) == [0, 0, 1, 1, 0, 0])
  }

  @Test func spacesAndDecompositions() {
    #expect(values(Tensor.range(1, to: 7, by: 2)) == [1, 3, 5])
    #expect(values(Tensor.linearSpace(from: 0, to: 1, count: 5)) == [0, 0.25, 0.5, 0.75, 1])
    let diagonal = Tensor([3, 0, 0, 4] as [Float], shape: [2, 2])
    #expect(values(diagonal.singularValues()) == [4, 3])
    #expect(values(diagonal.symmetricEigen().values) == [3, 4])
  }

  @Test func losses() {
    let x = Tensor([0, 2] as [Float])
    let zero = Tensor.zeros([2])
    #expect(values(x.smoothL1(zero, reduction: .none)) == [0, 1.5])
    #expect(x.meanSquaredError(zero).item() == 2)
    #expect(x.meanSquaredError(zero, reduction: .sum).item() == 4)
    let logits = Tensor([0, 0] as [Float], shape: [1, 2])
    #expect(abs(logits.crossEntropy(Tensor([1] as [Int64])).item() - log(2)) < 1e-6)
    let halves = Tensor([0.5, 0.5] as [Float], shape: [1, 2])
    #expect(abs(logits.crossEntropy(halves).item() - log(2)) < 1e-6)
  }

  // MARK: What does not fit

  @Test func trapsWithTheOperatorTheShapesAndTheReason() async throws {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3]))
    }
    let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(message.contains("Torch.matmul of float32[2, 3], float32[2, 3]: "))
    #expect(message.contains("cannot be multiplied"))
  }

  @Test func trapsOnWrongDimensionsAndIndices() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2]).size(1) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2]).slice(1..<3) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([5]).split(into: 2) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2, 3]).reshaped(4, -1) }
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2])[2] }
    await #expect(processExitsWith: .failure) { _ = Tensor.concatenate([]) }
  }
}
