import TestSupport
import Testing
import Torch

@Suite struct AutogradTests {
  let x = Tensor([1, 2, 3] as [Double]).requiringGradient()

  @Test func backwardAddsUpUntilItIsCleared() {
    #expect(x.gradient == nil)
    x.squared().sum().backward()
    x.squared().sum().backward()
    #expect(x.gradient!.array(of: Double.self) == [4, 8, 12])
    x.gradient = nil
    #expect(x.gradient == nil)
    (x * 3).backward(Tensor([1, 0, 2] as [Double]))
    #expect(x.gradient!.array(of: Double.self) == [3, 0, 6])
  }

  @Test func scopesWithAndWithoutAGraph() {
    #expect((x * 2).requiresGradient)
    withoutGradient {
      #expect(!(x * 2).requiresGradient)
      withGradient { #expect((x * 2).requiresGradient) }
      #expect(!(x * 2).requiresGradient)
    }
    #expect((x * 2).requiresGradient)
    #expect(!(x * 2).detached().requiresGradient)
    #expect(x.detached().sharesMemory(with: x))
  }

  @Test func scopesEndWhenAnErrorLeavesThem() {
    struct Stop: Error {}
    #expect(throws: Stop.self) { try withoutGradient { throw Stop() } }
    #expect((x * 2).requiresGradient)
  }

  @Test func gradientsOfSeveralOutputs() {
    let y = Tensor(2, dtype: .float64).requiringGradient()
    let results = gradients(
      of: [(x * y).sum(), x.squared()], withRespectTo: [x, y],
      seeds: [Tensor(1, dtype: .float64), Tensor([1, 0, 0] as [Double])])
    #expect(results[0]!.array(of: Double.self) == [4, 2, 2])
    #expect(results[1]!.item() == 6)
    // Only `backward()` leaves anything in the leaves.
    #expect(x.gradient == nil)
  }

  @Test func detachedTensorsAreConstants() {
    (x * x.detached()).sum().backward()
    #expect(x.gradient!.array(of: Double.self) == [1, 2, 3])
  }

  @Test func checkpointsComputeAgain() {
    var calls = 0
    let weight = Tensor([2, 2, 2] as [Double]).requiringGradient()
    let y = checkpointed(x) { input in
      calls += 1
      return (input * weight).squared()
    }
    #expect(calls == 1)
    y.sum().backward()
    #expect(calls == 2)
    #expect(x.gradient!.array(of: Double.self) == [8, 16, 24])
    #expect(weight.gradient!.array(of: Double.self) == [4, 16, 36])
  }

  @Test func graphsAreFreedAfterBackward() async {
    await #expect(processExitsWith: .failure) {
      let y = Tensor([1, 2] as [Double]).requiringGradient().squared().sum()
      y.backward()
      y.backward()
    }
  }

  @Test func wholeNumbersHaveNoGradients() async {
    await #expect(processExitsWith: .failure) {
      Tensor([1] as [Int64]).requiringGradient()
    }
  }
}
