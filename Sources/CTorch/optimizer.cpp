// Fused updates over lists of tensors.
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include "shim.h"

using shim::guarded;
using shim::list;

int32_t ct_adamw_(ct_list parameters, ct_list gradients, ct_list first_moments,
                  ct_list second_moments, ct_list steps, int32_t count, double learning_rate, double beta1,
                  double beta2, double weight_decay, double epsilon) {
  return guarded([&] {
    c10::AutoGradMode no_graph(false);
    // The operator reads the counts and leaves counting to its caller.
    at::_foreach_add_(list(steps, count), 1);
    at::_fused_adamw_(list(parameters, count), list(gradients, count), list(first_moments, count), list(second_moments, count),
                      {}, list(steps, count), learning_rate, beta1, beta2, weight_decay, epsilon, /*amsgrad=*/false,
                      /*maximize=*/false);
  });
}

int32_t ct_global_norm(ct_list tensors, int32_t count, ct_out out) {
  return shim::produce(out, [&] {
    c10::AutoGradMode no_graph(false);
    return at::linalg_vector_norm(at::stack(at::_foreach_norm(list(tensors, count))));
  });
}

int32_t ct_scale_(ct_list tensors, int32_t count, const ct_tensor *factor) {
  return guarded([&] {
    c10::AutoGradMode no_graph(false);
    at::_foreach_mul_(list(tensors, count), factor->value);
  });
}

int32_t ct_lerp_all_(ct_list tensors, ct_list ends, int32_t count, double weight) {
  return guarded([&] {
    c10::AutoGradMode no_graph(false);
    at::_foreach_lerp_(list(tensors, count), list(ends, count), weight);
  });
}
