// Reductions over dimensions, orderings and softmax.
#include <ATen/ops/all.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/any.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/var.h>

#include <numeric>

#include "shim.h"

using shim::dimensions;
using shim::guarded;
using shim::produce;

/// The given dimensions, or all of them: for the operators that take no empty list.
static std::vector<int64_t> all_or(ct_sizes d, int32_t count, const at::Tensor &x) {
  if (count > 0) return std::vector<int64_t>(d, d + count);
  std::vector<int64_t> every(static_cast<size_t>(x.dim()));
  std::iota(every.begin(), every.end(), 0);
  return every;
}

int32_t ct_sum(const ct_tensor *x, ct_sizes d, int32_t count, bool keep, ct_out out) {
  return produce(out, [&] { return at::sum(x->value, dimensions(d, count), keep); });
}

int32_t ct_mean(const ct_tensor *x, ct_sizes d, int32_t count, bool keep, ct_out out) {
  return produce(out, [&] { return at::mean(x->value, dimensions(d, count), keep); });
}

int32_t ct_amax(const ct_tensor *x, ct_sizes d, int32_t count, bool keep, ct_out out) {
  return produce(out, [&] { return at::amax(x->value, shim::sizes(d, count), keep); });
}

int32_t ct_amin(const ct_tensor *x, ct_sizes d, int32_t count, bool keep, ct_out out) {
  return produce(out, [&] { return at::amin(x->value, shim::sizes(d, count), keep); });
}

int32_t ct_logsumexp(const ct_tensor *x, ct_sizes d, int32_t count, bool keep, ct_out out) {
  return produce(out, [&] { return at::logsumexp(x->value, all_or(d, count, x->value), keep); });
}

int32_t ct_norm(const ct_tensor *x, ct_sizes d, int32_t count, bool keep, ct_out out) {
  return produce(out, [&] { return at::linalg_vector_norm(x->value, 2, dimensions(d, count), keep); });
}

int32_t ct_any(const ct_tensor *x, ct_sizes d, int32_t count, bool keep, ct_out out) {
  return produce(out, [&] { return at::any(x->value, dimensions(d, count), keep); });
}

int32_t ct_all(const ct_tensor *x, ct_sizes d, int32_t count, bool keep, ct_out out) {
  return produce(out, [&] { return at::all(x->value, dimensions(d, count), keep); });
}

int32_t ct_var(const ct_tensor *x, ct_sizes d, int32_t count, int64_t correction, bool keep, ct_out out) {
  return produce(out, [&] { return at::var(x->value, dimensions(d, count), at::Scalar(correction), keep); });
}

int32_t ct_argmax(const ct_tensor *x, int64_t dimension, bool keep, ct_out out) {
  return produce(out, [&] { return at::argmax(x->value, dimension, keep); });
}

int32_t ct_argmin(const ct_tensor *x, int64_t dimension, bool keep, ct_out out) {
  return produce(out, [&] { return at::argmin(x->value, dimension, keep); });
}

int32_t ct_cumsum(const ct_tensor *x, int64_t dimension, ct_out out) {
  return produce(out, [&] { return at::cumsum(x->value, dimension); });
}

int32_t ct_topk(const ct_tensor *x, int64_t count, int64_t dimension, bool largest, ct_out values, ct_out indices) {
  return guarded([&] {
    auto [top, where] = at::topk(x->value, count, dimension, largest);
    *values = shim::wrap(top);
    *indices = shim::wrap(where);
  });
}

int32_t ct_sort(const ct_tensor *x, int64_t dimension, bool descending, ct_out values, ct_out indices) {
  return guarded([&] {
    auto [sorted, where] = at::sort(x->value, /*stable=*/true, dimension, descending);
    *values = shim::wrap(sorted);
    *indices = shim::wrap(where);
  });
}

int32_t ct_softmax(const ct_tensor *x, int64_t dimension, ct_out out) {
  return produce(out, [&] { return at::softmax(x->value, dimension); });
}

int32_t ct_log_softmax(const ct_tensor *x, int64_t dimension, ct_out out) {
  return produce(out, [&] { return at::log_softmax(x->value, dimension); });
}
