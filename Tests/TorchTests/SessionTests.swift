import Foundation
import TestSupport
import Testing
import Torch

@Suite(.serialized) struct SessionTests {
  @Test func namesTheVersion() { #expect(Session.torchVersion.first?.isNumber == true) }

  @Test func setsTheNumberOfThreads() {
    let before = Session.threadCount
    defer { Session.threadCount = before }
    Session.threadCount = 1
    #expect(Session.threadCount == 1)
  }

  #if os(Linux)
    /// In a process of its own, because it holds for all of it.
    @Test func freedMemoryIsUsedAgain() async {
      await #expect(processExitsWith: .success) {
        func pagesTaken() -> Int {
          var usage = rusage()
          getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
          return usage.ru_minflt
        }
        // 4 MiB in four tensors, which are freed together: 1024 pages each time.
        func takeAndFree() { _ = (0..<4).map { _ in Tensor.ones([1 << 18]) } }
        Session.keepFreedMemory()
        // libc needs some rounds until what is free lies together.
        for _ in 0..<20 { takeAndFree() }
        let before = pagesTaken()
        for _ in 0..<20 { takeAndFree() }
        #expect(pagesTaken() - before < 1024)
      }
    }
  #endif

  @Test func computesProductsInLowerPrecision() {
    let x = Tensor.ones([2, 2])
    let product = withAutocast(to: .bfloat16, on: .cpu) { x.matmul(x) }
    #expect(product.dtype == .bfloat16)
    #expect(x.matmul(x).dtype == .float32)
    #expect(withAutocast(to: nil, on: .cpu) { x.matmul(x) }.dtype == .float32)
  }

  @Test func restoresPrecisionAfterAnError() {
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try withAutocast(to: .bfloat16, on: .cpu) { throw Stop() }
    }
    #expect(Tensor.ones([2, 2]).matmul(Tensor.ones([2, 2])).dtype == .float32)
  }

  /// The gradient of a layer's weights in bfloat16, after `before` ran in the same scope.
  func weightGradient(
    before: (Linear, Tensor) -> Void = { _, _ in }, forward: (Linear, Tensor) -> Tensor
  ) -> Tensor? {
    let generator = RandomGenerator(seed: 1)
    let layer = Linear(8, 8, using: generator)
    let x = Tensor.normal([4, 8], using: generator).requiringGradient()
    let loss = withAutocast(to: .bfloat16, on: .cpu) {
      before(layer, x)
      return forward(layer, x).to(.float32).squared().sum()
    }
    loss.backward()
    return layer.weight.gradient
  }

  /// A target branch without a graph must not leave weights behind that have none.
  @Test func aPassWithoutGradientsLeavesTheNextOneWhole() throws {
    let expected = try #require(weightGradient { $0($1) })
    let found = weightGradient {
      layer, x in
      withoutGradient { _ = layer(x) }
    } forward: {
      $0($1)
    }
    #expect(relativeDifference(try #require(found), from: expected) == 0)
  }

  @Test func checkpointsComputeAgainInTheSamePrecision() throws {
    let expected = try #require(weightGradient { layer, x in layer(layer(x)) })
    let found = weightGradient { layer, x in checkpointed(x) { layer(layer($0)) } }
    #expect(relativeDifference(try #require(found), from: expected) == 0)
  }

  @Test func readsDeviceNames() throws {
    #expect(try Device("cpu") == .cpu)
    for name in ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""] {
      #expect(throws: TorchError.unknownDevice(name)) { try Device(name) }
    }
    let error = try #require(throws: TorchError.self) { try Device("cuda:99") }
    // Where there is CUDA, there are fewer; where there is none, it says which libtorch was found.
    #expect(error.description.hasPrefix("device cuda:99 is not available: "))
    #expect(error.description.contains("libtorch") || error.description.contains("cuda:0"))
    try Device.cpu.synchronize()
  }
}
