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

  @Test func readsDeviceNames() throws {
    #expect(try Device("cpu") == .cpu)
    for name in ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""] {
      #expect(throws: TorchError.unknownDevice(name)) { try Device(name) }
    }
    #expect(throws: TorchError.deviceUnavailable("cuda:99")) { try Device("cuda:99") }
    try Device.cpu.synchronize()
  }
}
