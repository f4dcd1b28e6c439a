import CTorch

// Updates of many tensors at once, fused: what training does to weights between two steps. None of them
// records a graph or copies to the host.

/// One step of AdamW on every tensor, in place.
///
/// Loshchilov and Hutter 2019, "Decoupled weight decay regularization", arXiv:1711.05101.
///
/// - Parameters:
///   - tensors: what moves.
///   - gradients: of each tensor, of its shape.
///   - firstMoments: the running mean of each gradient; updated by the call.
///   - secondMoments: the running mean of each gradient's square; updated by the call.
///   - steps: for each tensor a float32 scalar that counts its steps; counted up by the call.
///   - stepSize: the learning rate.
///   - betas: the shares that the two means keep in a step.
///   - weightDecay: the share of a tensor that a step of size 1 takes away.
///   - epsilon: what is added to the root of the second moment.
package func adamWStep(
  _ tensors: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor],
  steps: [Tensor], stepSize: Double, betas: (Double, Double), weightDecay: Double, epsilon: Double
) {
  guard !tensors.isEmpty else { return }
  Tensor.perform("adamWStep", tensors.first, gradients.first) {
    tensors.withHandles { tensors, count in
      gradients.withHandles { gradients, _ in
        firstMoments.withHandles { first, _ in
          secondMoments.withHandles { second, _ in
            steps.withHandles { steps, _ in
              ct_adamw_(
                tensors, gradients, first, second, steps, count, stepSize, betas.0, betas.1,
                weightDecay, epsilon)
            }
          }
        }
      }
    }
  }
}

/// The Euclidean norm over all elements of all tensors, as a scalar tensor.
public func globalNorm(_ tensors: [Tensor]) -> Tensor {
  Tensor.make("globalNorm", tensors.first) { out in
    tensors.withHandles { ct_global_norm($0, $1, out) }
  }
}

/// Multiplies every element of all tensors in place by a scalar tensor.
package func scale(_ tensors: [Tensor], by factor: Tensor) {
  Tensor.perform("scale", tensors.first, factor) {
    tensors.withHandles { ct_scale_($0, $1, factor.handle) }
  }
}

/// Moves every tensor in place towards its end by `weight`.
package func move(_ tensors: [Tensor], towards ends: [Tensor], weight: Double) {
  precondition(tensors.count == ends.count, "moving \(tensors.count) tensors to \(ends.count) ends")
  guard !tensors.isEmpty else { return }
  Tensor.perform("move", tensors.first, ends.first) {
    tensors.withHandles { tensors, count in
      ends.withHandles { ends, _ in ct_lerp_all_(tensors, ends, count, weight) }
    }
  }
}
