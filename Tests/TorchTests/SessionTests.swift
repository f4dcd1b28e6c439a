import Foundation
import TestSupport
import Testing
import Torch

@Suite(.serialized) struct SessionTests {
  @Test func namesTheVersion() { #expect(Session.torchVersion.first?.isNumber == true) }

  @Test func anInnerScopeOfPrecisionLeavesTheOuterOne() {
    let x = Tensor.ones([2, 2])
    withAutocast(to: .bfloat16, on: .cpu) {
      withAutocast(to: .bfloat16, on: .cpu) { #expect(x.matmul(x).dtype == .bfloat16) }
      #expect(x.matmul(x).dtype == .bfloat16)
    }
    #expect(x.matmul(x).dtype == .float32)
  }

  @Test func setsTheNumberOfThreads() {
    let before = Session.threadCount
    defer { Session.threadCount = before }
    Session.threadCount = 1
    #expect(Session.threadCount == 1)
  }

  #if os(Linux)
    /// In a process of its own, because it holds for all of it. Asks whether freed pages are still the process's,
    /// rather than how often the system was asked for new ones: that depends on what else runs.
    @Test func freedMemoryIsKept() async {
      await #expect(processExitsWith: .success) {
        Session.keepFreedMemory()
        // By default libc gives a piece of this size a mapping of its own, and lets go of it.
        let byteCount = 4 << 20
        let address = Tensor.ones([byteCount / 4]).withUnsafeMutableBytes {
          UInt(bitPattern: $0.baseAddress)
        }
        let kept = try residentBytes(address, count: byteCount)
        #expect(kept > byteCount * 9 / 10)
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
