// Elementwise operators and the matrix product.
#include <ATen/ops/abs.h>
#include <ATen/ops/add.h>
#include <ATen/ops/atan2.h>
#include <ATen/ops/ceil.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/div.h>
#include <ATen/ops/eq.h>
#include <ATen/ops/erf.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/floor.h>
#include <ATen/ops/ge.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/le.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/log_sigmoid.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/logical_not.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/masked_fill.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/ne.h>
#include <ATen/ops/neg.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/reciprocal.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/remainder.h>
#include <ATen/ops/round.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/square.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/where.h>

#include "shim.h"

using shim::guarded;
using shim::produce;

#define DEFINE_UNARY(name) \
  int32_t ct_##name(const ct_tensor *x, ct_out out) { return produce(out, [&] { return at::name(x->value); }); }
CT_UNARY_OPERATORS(DEFINE_UNARY)

#define DEFINE_BINARY(name)                                              \
  int32_t ct_##name(const ct_tensor *x, const ct_tensor *y, ct_out out) { \
    return produce(out, [&] { return at::name(x->value, y->value); });   \
  }
CT_BINARY_OPERATORS(DEFINE_BINARY)

#define DEFINE_SCALAR(name)                                            \
  int32_t ct_##name##_scalar(const ct_tensor *x, double y, ct_out out) { \
    return produce(out, [&] { return at::name(x->value, y); });        \
  }
CT_SCALAR_OPERATORS(DEFINE_SCALAR)

int32_t ct_gelu(const ct_tensor *x, bool tanh_approximation, ct_out out) {
  return produce(out, [&] { return at::gelu(x->value, tanh_approximation ? "tanh" : "none"); });
}

int32_t ct_clamp(const ct_tensor *x, double low, double high, ct_out out) {
  return produce(out, [&] { return at::clamp(x->value, low, high); });
}

int32_t ct_where(const ct_tensor *condition, const ct_tensor *x, const ct_tensor *y, ct_out out) {
  return produce(out, [&] { return at::where(condition->value, x->value, y->value); });
}

int32_t ct_masked_fill(const ct_tensor *x, const ct_tensor *mask, double value, ct_out out) {
  return produce(out, [&] { return at::masked_fill(x->value, mask->value, value); });
}

int32_t ct_lerp(const ct_tensor *x, const ct_tensor *end, double weight, ct_out out) {
  return produce(out, [&] { return at::lerp(x->value, end->value, weight); });
}

int32_t ct_lerp_(ct_tensor *x, const ct_tensor *end, double weight) {
  return guarded([&] { x->value.lerp_(end->value, weight); });
}
