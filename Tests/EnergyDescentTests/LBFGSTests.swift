import EnergyDescent
import Testing
import Torch

@Suite struct LBFGSTests {
  func rosenbrock(_ point: Tensor) -> LBFGS.Evaluation {
    let p = point.array(of: Double.self)
    let (x, y) = (p[0], p[1])
    let value = (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x)
    return (value, Tensor([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]))
  }

  @Test func findsTheMinimumOfRosenbrock() {
    let solution = LBFGS(gradientTolerance: 1e-9).minimize(from: Tensor([-1.2, 1.0]), rosenbrock)
    let point = solution.point.array(of: Double.self)
    #expect(abs(point[0] - 1) < 1e-8 && abs(point[1] - 1) < 1e-8)
    #expect(solution.reason == .converged)
    #expect(solution.gradientNorm <= 1e-9)
    #expect(solution.iterations < 60, "\(solution.iterations) iterations")
    #expect(solution.evaluations < 90, "\(solution.evaluations) evaluations")
  }

  @Test func needsFewStepsWhereThePreconditionerIsTheInverseHessian() {
    let scales = Tensor([1e-4, 1, 1e4, 7])
    let target = Tensor([3.0, -2, 1, 0.5])
    func quadratic(_ x: Tensor) -> LBFGS.Evaluation {
      let gradient = scales * (x - target)
      return (((x - target) * gradient).sum().item() / 2, gradient)
    }
    let start = Tensor.zeros([4], dtype: .float64)
    let solver = LBFGS(gradientTolerance: 1e-10)
    let solution = solver.minimize(
      from: start, preconditioner: { $0 / scales }, quadratic)
    #expect(solution.iterations == 1)
    #expect((solution.point - target).abs().max().item() < 1e-6)
    let plain = solver.minimize(from: start, quadratic)
    #expect(plain.iterations > 1 && plain.reason == .converged)
  }

  @Test func staysAtAMinimum() {
    let solution = LBFGS().minimize(from: Tensor([1.0, 1.0]), rosenbrock)
    #expect(solution.iterations == 0 && solution.evaluations == 1)
  }

  @Test func stopsAtTheIterationLimit() {
    let solution = LBFGS(maximumIterations: 3).minimize(from: Tensor([-1.2, 1.0]), rosenbrock)
    #expect(solution.reason == .iterationLimit && solution.iterations == 3)
  }

  @Test func comesBackFromWhereTheFunctionIsNotFinite() {
    // log x + 1 / x is infinite or not a number at 0 and below, and least at 1.
    let solution = LBFGS(gradientTolerance: 1e-9).minimize(from: Tensor([0.1])) { point in
      let x = point.item()
      let value = x > 0 ? Tensor([x]).log().item() + 1 / x : .nan
      return (value, Tensor([1 / x - 1 / (x * x)]))
    }
    #expect(abs(solution.point.item() - 1) < 1e-8)
  }

  @Test func saysThatAWrongGradientMakesNoProgress() {
    let solution = LBFGS().minimize(from: Tensor([1.0])) { ($0.item(), Tensor([-1.0])) }
    #expect(solution.reason == .noProgress)
    #expect(abs(solution.point.item() - 1) < 1e-6)
  }
}
