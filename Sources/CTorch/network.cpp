// Layers' operators, losses and three matrix decompositions.
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/cholesky_inverse.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/smooth_l1_loss.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "shim.h"

using shim::guarded;
using shim::optional;
using shim::produce;
using shim::sizes;

int32_t ct_linear(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, ct_out out) {
  return produce(out, [&] { return at::linear(x->value, weight->value, optional(bias)); });
}

int32_t ct_embedding(const ct_tensor *indices, const ct_tensor *weight, ct_out out) {
  return produce(out, [&] { return at::embedding(weight->value, indices->value); });
}

int32_t ct_conv2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, int64_t stride, int64_t padding, int64_t groups, ct_out out) {
  return produce(out, [&] {
    return at::conv2d(x->value, weight->value, optional(bias), {stride, stride}, at::IntArrayRef{padding, padding}, {1, 1}, groups);
  });
}

int32_t ct_layer_norm(const ct_tensor *x, ct_sizes shape, int32_t rank, const ct_tensor *weight, const ct_tensor *bias, double epsilon, ct_out out) {
  return produce(out, [&] { return at::layer_norm(x->value, sizes(shape, rank), optional(weight), optional(bias), epsilon); });
}

int32_t ct_group_norm(const ct_tensor *x, int64_t groups, const ct_tensor *weight, const ct_tensor *bias, double epsilon, ct_out out) {
  return produce(out, [&] { return at::group_norm(x->value, groups, optional(weight), optional(bias), epsilon); });
}

int32_t ct_batch_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, const ct_tensor *running_mean,
                      const ct_tensor *running_variance, bool training, double momentum, double epsilon, ct_out out) {
  return produce(out, [&] {
    return at::batch_norm(x->value, optional(weight), optional(bias), optional(running_mean), optional(running_variance),
                          training, momentum, epsilon, /*cudnn_enabled=*/true);
  });
}

int32_t ct_attention(const ct_tensor *query, const ct_tensor *key, const ct_tensor *value, const ct_tensor *mask, bool causal, ct_out out) {
  return produce(out, [&] {
    return at::scaled_dot_product_attention(query->value, key->value, value->value, optional(mask), 0.0, causal);
  });
}

int32_t ct_interpolate_bilinear(const ct_tensor *x, int64_t height, int64_t width, bool antialias, ct_out out) {
  return produce(out, [&] {
    return antialias ? at::_upsample_bilinear2d_aa(x->value, {height, width}, false)
                     : at::upsample_bilinear2d(x->value, {height, width}, false);
  });
}

int32_t ct_interpolate_bicubic(const ct_tensor *x, int64_t height, int64_t width, bool antialias, ct_out out) {
  return produce(out, [&] {
    return antialias ? at::_upsample_bicubic2d_aa(x->value, {height, width}, false)
                     : at::upsample_bicubic2d(x->value, {height, width}, false);
  });
}

int32_t ct_average_pool2d(const ct_tensor *x, int64_t size, int64_t stride, ct_out out) {
  return produce(out, [&] { return at::avg_pool2d(x->value, {size, size}, {stride, stride}); });
}

int32_t ct_cross_entropy(const ct_tensor *logits, const ct_tensor *labels, int32_t reduction, ct_out out) {
  return produce(out, [&] { return at::cross_entropy_loss(logits->value, labels->value, {}, reduction); });
}

int32_t ct_smooth_l1(const ct_tensor *x, const ct_tensor *y, double beta, int32_t reduction, ct_out out) {
  return produce(out, [&] { return at::smooth_l1_loss(x->value, y->value, reduction, beta); });
}

int32_t ct_mse(const ct_tensor *x, const ct_tensor *y, int32_t reduction, ct_out out) {
  return produce(out, [&] { return at::mse_loss(x->value, y->value, reduction); });
}

int32_t ct_positive_definite_inverse(const ct_tensor *x, ct_out out) {
  return produce(out, [&] { return at::cholesky_inverse(at::linalg_cholesky(x->value)); });
}

int32_t ct_singular_values(const ct_tensor *x, ct_out out) {
  return produce(out, [&] { return at::linalg_svdvals(x->value); });
}

int32_t ct_symmetric_eigen(const ct_tensor *x, ct_out values, ct_out vectors) {
  return guarded([&] {
    auto [lambda, basis] = at::linalg_eigh(x->value);
    *values = shim::wrap(lambda);
    *vectors = shim::wrap(basis);
  });
}
