import Torch

/// How far automatic gradients are from central differences, relative to the greatest gradient.
///
/// Every element of every input is moved; the scalar that is differentiated is the sum of `function`'s
/// elements with random weights, so that no element of the result can hide.
///
/// - Parameters:
///   - inputs: leaves of float64 that want gradients, contiguous; `function` reads them.
///   - function: the same result for the same inputs each time, of float64.
public func gradientError(
  withRespectTo inputs: [Tensor], step: Double = 1e-5, of function: () -> Tensor
) -> Double {
  let generator = RandomGenerator(seed: 7)
  let weights = Tensor.normal(function().shape, using: generator, dtype: .float64)
  let results = gradients(of: [(function() * weights).sum()], withRespectTo: inputs)
  var greatest = 0.0
  var error = 0.0
  for (input, result) in zip(inputs, results) {
    let found =
      result?.array(of: Double.self) ?? [Double](repeating: 0, count: input.count)
    for element in 0..<input.count {
      func value(movedBy distance: Double) -> Double {
        input.withUnsafeMutableBytes { bytes in
          bytes.withMemoryRebound(to: Double.self) { $0[element] += distance }
        }
        return (function() * weights).sum().item()
      }
      let original = input.withUnsafeBytes { $0.bindMemory(to: Double.self)[element] }
      let above = value(movedBy: step)
      let below = value(movedBy: -2 * step)
      input.withUnsafeMutableBytes { bytes in
        bytes.withMemoryRebound(to: Double.self) { $0[element] = original }
      }
      let expected = (above - below) / (2 * step)
      greatest = max(greatest, abs(expected))
      error = max(error, abs(found[element] - expected))
    }
  }
  precondition(greatest > 0, "the function does not depend on its inputs")
  return error / greatest
}
