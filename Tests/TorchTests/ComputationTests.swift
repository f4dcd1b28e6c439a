import CTorch
import Foundation
import Testing

@testable import Torch

/// Running out of memory is an error of the closure, and nothing else changes.
@Suite struct ComputationTests {
  /// More than any machine has; libtorch's allocator refuses it at once.
  private static let petabyte = [1 << 48]

  @Test func whatRunsOutOfMemoryIsThrownOnce() throws {
    final class Flags: @unchecked Sendable { var (before, after) = (false, false) }
    let flags = Flags()
    #expect(
      throws: ComputationError.outOfMemory(operation: "empty", device: "cpu", wanted: "1.0 PiB")
    ) {
      try Computation.run {
        flags.before = true
        let huge = Tensor.empty(Self.petabyte)
        flags.after = true
        return huge
      }
    }
    #expect(flags.before && !flags.after)
  }

  @Test func aComputationGoesOnAfterAnError() throws {
    let computation = Computation()
    for round in 0..<3 {
      #expect(throws: ComputationError.self) {
        try computation.run { Tensor.zeros(Self.petabyte) }
      }
      #expect(try computation.run { Tensor(Double(round)).item() } == Double(round))
    }
  }

  @Test func otherErrorsAndResultsComeThrough() throws {
    struct Own: Error {}
    let computation = Computation()
    #expect(throws: Own.self) { try computation.run { throw Own() } }
    #expect(try computation.run { [Tensor([1.0, 2])] }[0].array(of: Double.self) == [1, 2])
    #expect(try computation.run { nil as Int? } == nil)
  }

  /// An error ends the innermost; the outer one goes on, and is ended by its own.
  @Test func computationsAreNested() throws {
    let caught = try Computation.run {
      #expect(throws: ComputationError.self) {
        try Computation.run { Tensor.empty(Self.petabyte) }
      }
      return Tensor(3).item()
    }
    #expect(caught == 3)
    #expect(throws: ComputationError.self) {
      try Computation.run {
        _ = try Computation.run { Tensor(1).item() }
        return Tensor.ones(Self.petabyte)
      }
    }
  }

  /// Whoever goes on after a closure is the only one who has what it held.
  @Test func nothingOfAClosureIsLeftWhenItReturns() throws {
    final class Held: Sendable {}
    let computation = Computation()
    for _ in 0..<200 {
      var held: Held? = Held()
      weak let watched = held
      try computation.run { [held] in _ = held }
      held = nil
      #expect(watched == nil)
    }
  }

  @Test func threadSettingsAreThoseOfTheCaller() throws {
    let computation = Computation()
    func seen() throws -> (Bool, Int, Bool) {
      try computation.run {
        let product = withoutGradient { Tensor([1.0], shape: [1]).matmul(Tensor([1.0])) }
        let x = Tensor([1 as Float], shape: [1, 1]).requiringGradient()
        _ = product
        return ((x * 2).requiresGradient, Session.threadCount, x.matmul(x).dtype == .bfloat16)
      }
    }
    let threads = Session.threadCount
    #expect(try seen() == (true, threads, false))
    #expect(try withoutGradient { try seen() } == (false, threads, false))
    #expect(try withAutocast(to: .bfloat16, on: .cpu) { try seen() } == (true, threads, true))
    #expect(try seen() == (true, threads, false))
  }

  /// A processor's mode, which a thread has from the one that made it.
  @Test func denormalsAreThoseOfTheCaller() async {
    await #expect(processExitsWith: .success) {
      func isFlushed() -> Bool { (Tensor([Float.leastNormalMagnitude]) * 0.5).item() == 0 }
      let before = try Computation.run(isFlushed)
      let outside = isFlushed()
      Session.flushDenormals()
      let after = try Computation.run(isFlushed)
      exit(!before && !outside && after && isFlushed() ? 0 : 1)
    }
  }

  #if os(Linux)
    /// Else there are more of them than processors, and each sleeps at every barrier.
    @Test func whoeverWaitsKeepsNoThreadsOfOpenMP() async {
      await #expect(processExitsWith: .success) {
        func threads() throws -> Int {
          try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
        }
        Session.threadCount = 3
        let x = Tensor.ones([512, 512])
        _ = (x * 2 + x).matmul(x).sum().item()
        let computing = try threads()
        let waiting = try Computation.run { try threads() }
        // Two have ended, and the computation's own has begun.
        exit(waiting == computing - 1 ? 0 : 1)
      }
    }
  #endif

  /// Losses and gradients of a small network, forward and backward: bit for bit.
  @Test func theNumbersAreTheSameInsideAndOutside() throws {
    func numbers() -> [Float] {
      let generator = RandomGenerator(seed: 5)
      let layers = (0..<3).map { _ in Linear(96, 96, using: generator) }
      let x = Tensor.normal([64, 96], using: generator)
      let y = layers.reduce(x) { value, layer in layer(value).gelu() }
      let loss = (y.softmax(-1) * x).sum() + y.squared().mean()
      loss.backward()
      return [Float(loss.item())]
        + layers.flatMap { $0.parameters.flatMap { $0.tensor.gradient!.array(of: Float.self) } }
    }
    let outside = numbers()
    #expect(outside.count > 20_000)
    #expect(try Computation.run(numbers) == outside)
    #expect(try Computation.run { try Computation.run(numbers) } == outside)
  }

  /// On an accelerator libtorch runs the backward pass, and the segment in it, on a thread of its own.
  @Test func aSegmentThatFailsOnAnotherThreadFailsTheBackwardPass() throws {
    let calls = Computation()
    final class Count: @unchecked Sendable { var value = 0 }
    let count = Count()
    let x = Tensor([1 as Float, 2]).requiringGradient()
    let y = try calls.run {
      checkpointed(x) { x in
        count.value += 1
        return count.value > 1 ? x * Tensor.zeros(Self.petabyte) : x * 3
      }.sum()
    }
    // Here the test's thread is libtorch's.
    #expect(ct_backward(y.handle, nil) == CT_OUT_OF_MEMORY)
    #expect(
      String(cString: ct_last_error()) == "out of memory on cpu: full asked for 1.0 PiB")
    #expect(x.gradient == nil)
  }

  @Test func outsideAndForMistakesAnOperatorTraps() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.empty([1 << 48]) }
    await #expect(processExitsWith: .failure) {
      _ = try? Computation.run { Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3])) }
      exit(0)
    }
    await #expect(processExitsWith: .success) {
      _ = try? Computation.run { Tensor.empty([1 << 48]) }
      exit(0)
    }
  }

  @Test func messagesAreTakenApart() {
    func error(_ status: Int, _ message: String) -> ComputationError? {
      ComputationError(status: Int32(status), operation: "matmul", message: message)
    }
    #expect(
      error(
        CT_OUT_OF_MEMORY,
        """
        [enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to \
        allocate 1536 bytes. Error code 12 (Cannot allocate memory)
        """)
        == .outOfMemory(operation: "matmul", device: "cpu", wanted: "1.5 KiB"))
    #expect(
      error(
        CT_OUT_OF_MEMORY,
        """
        CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.2 GiB is free.
        """)
        == .outOfMemory(operation: "matmul", device: "cuda", wanted: "2.50 GiB"))
    #expect(
      error(CT_OUT_OF_MEMORY, "std::bad_alloc")
        == .outOfMemory(operation: "matmul", device: "cpu", wanted: nil))
    #expect(
      error(
        CT_DEVICE_FAILED,
        """
        CUDA error: an illegal memory access was encountered
        CUDA kernel errors might be asynchronously reported at some other API call.
        """)
        == .deviceFailed(
          operation: "matmul", reason: "CUDA error: an illegal memory access was encountered"))
    #expect(error(CT_REFUSED, "shapes cannot be multiplied") == nil)
  }
}
