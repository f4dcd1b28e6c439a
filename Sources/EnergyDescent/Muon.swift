import Torch

/// Momentum whose matrices are made orthogonal: every direction of a layer moves equally far.
///
///     m = mu m + g          u = g + mu m
///     W = W - a d W - s a orthogonal(u),   s = sqrt(max(1, rows / columns))
///
/// with step size a and decay d. `orthogonal` is five steps of a Newton-Schulz iteration, which drives all
/// singular values near 1. Only for matrices inside a network; a convolution's kernel is one of
/// `[out, in * height * width]`. Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural
/// networks".
public final class Muon: UpdateRule {
  public let momentum: Double
  public let weightDecay: Double
  private var moments: [Tensor] = []

  public init(momentum: Double = 0.95, weightDecay: Double = 0) {
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  public func update(_ variables: [Tensor], against gradients: [Tensor], stepSize: Double) {
    withoutGradient {
      if moments.isEmpty { moments = variables.map { Tensor.zeros(like: $0) } }
      precondition(
        variables.count == moments.count, "Muon serves \(moments.count) variables")
      for (moment, gradient) in zip(moments, gradients) {
        moment.scale(by: momentum)
        moment.accumulate(gradient)
      }
      // Matrices of one shape are made orthogonal together.
      let shapes = variables.map { [$0.size(0), $0.count / $0.size(0)] }
      for shape in Set(shapes) {
        let members = shapes.indices.filter { shapes[$0] == shape }
        let directions = Tensor.stack(
          members.map { (gradients[$0] + moments[$0] * momentum).reshaped(shape) })
        let orthogonal = Self.orthogonalized(directions)
        let scale = (max(1, Double(shape[0]) / Double(shape[1]))).squareRoot()
        for (row, member) in members.enumerated() {
          let variable = variables[member]
          variable.scale(by: 1 - stepSize * weightDecay)
          variable.accumulate(orthogonal[row].reshaped(variable.shape), scale: -stepSize * scale)
        }
      }
    }
  }

  /// The orthogonal matrices nearest to matrices `[n, rows, columns]`, roughly: singular values end
  /// between 0.7 and 1.2.
  ///
  /// Each step of the iteration is a polynomial of the Gram matrix, `X <- (a + b A + c A^2) X` with
  /// `A = X X^T`. So the steps are taken on the smaller side alone, and X is multiplied once, at the end:
  /// for a kernel nine times as wide as high that is less than half the work.
  static func orthogonalized(_ matrices: Tensor) -> Tensor {
    let isTall = matrices.size(1) > matrices.size(2)
    let wide = isTall ? matrices.transposed() : matrices
    let start = (wide / (wide.norm(1, 2, keepingDimensions: true) + 1e-7)).inFullPrecision
    var gram = start.matmul(start.transposed())
    var product: Tensor?
    let identity = Tensor.identity(gram.size(1), device: gram.device)
    for step in 0..<5 {
      let factor = identity * 3.4445 + gram * -4.7750 + gram.matmul(gram) * 2.0315
      product = product.map { factor.matmul($0) } ?? factor
      if step < 4 { gram = factor.matmul(gram).matmul(factor) }
    }
    let result = product!.matmul(start).to(matrices.dtype)
    return isTall ? result.transposed() : result
  }

  public func keep(rows: Tensor) {
    preconditionFailure("Muon moves matrices of weights, which have no items")
  }

  public var state: [VariableMemory] {
    moments.enumerated().map { VariableMemory(variable: $0, name: "moment", tensor: $1) }
  }

  public func restore(_ state: [VariableMemory], for variables: [Tensor]) {
    guard !state.isEmpty else { return }
    moments = withoutGradient { variables.map { $0.detached() * 0 } }
    self.state.assign(state)
  }
}
