// The meta device computes shapes only; of some operators libtorch has that in Python alone. These are the ones that
// training steps use: with them a test can run a step where nothing can be read back.
#include <ATen/ExpandUtils.h>
#include <ATen/WrapDimUtils.h>
#include <ATen/core/Tensor.h>
#include <ATen/native/ConvUtils.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

namespace {

using at::IntArrayRef;
using at::Tensor;
using MaybeTensor = const std::optional<Tensor> &;

/// A gradient of the shape of `x`, where one is wanted.
Tensor gradient(bool wanted, const Tensor &x) { return wanted ? at::empty_like(x) : Tensor(); }

Tensor convolution(const Tensor &x, const Tensor &weight, MaybeTensor, IntArrayRef stride, IntArrayRef padding,
                   IntArrayRef dilation, bool transposed, IntArrayRef, int64_t) {
  TORCH_CHECK(!transposed, "a transposed convolution on the meta device");
  return x.new_empty(at::native::conv_output_size(x.sizes(), weight.sizes(), padding, stride, dilation));
}

std::tuple<Tensor, Tensor, Tensor> convolution_backward(const Tensor &, const Tensor &x, const Tensor &weight,
                                                        IntArrayRef, IntArrayRef, IntArrayRef, bool, IntArrayRef,
                                                        int64_t, std::array<bool, 3> wanted) {
  return {gradient(wanted[0], x), gradient(wanted[1], weight),
          wanted[2] ? weight.new_empty({weight.size(0)}) : Tensor()};
}

std::tuple<Tensor, Tensor, Tensor> batch_norm(const Tensor &x, MaybeTensor, MaybeTensor, MaybeTensor, MaybeTensor,
                                              bool training, double, double) {
  const int64_t saved = training ? x.size(1) : 0;
  return {at::empty_like(x), x.new_empty({saved}), x.new_empty({saved})};
}

std::tuple<Tensor, Tensor, Tensor> batch_norm_backward(const Tensor &, const Tensor &x, MaybeTensor, MaybeTensor,
                                                       MaybeTensor, MaybeTensor, MaybeTensor, bool, double,
                                                       std::array<bool, 3> wanted) {
  const Tensor channels = x.new_empty({x.size(1)});
  return {gradient(wanted[0], x), gradient(wanted[1], channels), gradient(wanted[2], channels)};
}

std::tuple<Tensor, Tensor, Tensor> layer_norm_backward(const Tensor &, const Tensor &x, IntArrayRef shape,
                                                       const Tensor &, const Tensor &, MaybeTensor, MaybeTensor,
                                                       std::array<bool, 3> wanted) {
  const Tensor weight = x.new_empty(shape);
  return {gradient(wanted[0], x), gradient(wanted[1], weight), gradient(wanted[2], weight)};
}

std::tuple<Tensor, Tensor, Tensor> group_norm(const Tensor &x, MaybeTensor, MaybeTensor, int64_t items, int64_t,
                                              int64_t, int64_t groups, double) {
  return {at::empty_like(x), x.new_empty({items, groups}), x.new_empty({items, groups})};
}

std::tuple<Tensor, Tensor, Tensor> group_norm_backward(const Tensor &, const Tensor &x, const Tensor &, const Tensor &,
                                                       MaybeTensor, int64_t, int64_t channels, int64_t, int64_t,
                                                       std::array<bool, 3> wanted) {
  const Tensor weight = x.new_empty({channels});
  return {gradient(wanted[0], x), gradient(wanted[1], weight), gradient(wanted[2], weight)};
}

Tensor index_select(const Tensor &x, int64_t dimension, const Tensor &indices) {
  std::vector<int64_t> shape = x.sizes().vec();
  shape[static_cast<size_t>(at::maybe_wrap_dim(dimension, x.dim()))] = indices.numel();
  return x.new_empty(shape);
}

Tensor choose(const Tensor &condition, const Tensor &x, const Tensor &y) {
  const auto shape = at::infer_size(condition.sizes(), at::infer_size(x.sizes(), y.sizes()));
  return x.new_empty(shape);
}

Tensor &logical_and_out(const Tensor &x, const Tensor &y, Tensor &out) {
  out.resize_(at::infer_size(x.sizes(), y.sizes()));
  return out;
}

Tensor variance(const Tensor &x, at::OptionalIntArrayRef dimensions, const std::optional<at::Scalar> &, bool keep) {
  std::vector<bool> reduced(static_cast<size_t>(x.dim()), !dimensions || dimensions->empty());
  if (dimensions) {
    for (const int64_t dimension : *dimensions) {
      reduced[static_cast<size_t>(at::maybe_wrap_dim(dimension, x.dim()))] = true;
    }
  }
  std::vector<int64_t> shape;
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (!reduced[i]) shape.push_back(x.size(static_cast<int64_t>(i)));
    if (reduced[i] && keep) shape.push_back(1);
  }
  return x.new_empty(shape);
}

Tensor relu(const Tensor &x) { return at::empty_like(x); }

Tensor mean_squared_error_backward(const Tensor &, const Tensor &x, const Tensor &, int64_t) {
  return at::empty_like(x);
}

Tensor &smooth_l1_backward(const Tensor &, const Tensor &x, const Tensor &, int64_t, double, Tensor &out) {
  out.resize_(x.sizes());
  return out;
}

void adamw(at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, double,
           double, double, double, double, bool, bool, MaybeTensor, MaybeTensor) {}

Tensor embedding_backward(const Tensor &gradients, const Tensor &, int64_t rows, int64_t, bool) {
  return gradients.new_empty({rows, gradients.size(-1)});
}

Tensor &logical_not_out(const Tensor &x, Tensor &out) {
  out.resize_(x.sizes());
  return out;
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("convolution_overrideable", convolution);
  library.impl("convolution_backward_overrideable", convolution_backward);
  library.impl("native_batch_norm", batch_norm);
  library.impl("native_batch_norm_backward", batch_norm_backward);
  library.impl("native_layer_norm_backward", layer_norm_backward);
  library.impl("native_group_norm", group_norm);
  library.impl("native_group_norm_backward", group_norm_backward);
  library.impl("index_select", index_select);
  library.impl("embedding_dense_backward", embedding_backward);
  library.impl("where.self", choose);
  library.impl("logical_and.out", logical_and_out);
  library.impl("logical_not.out", logical_not_out);
  library.impl("var.correction", variance);
  library.impl("relu", relu);
  library.impl("mse_loss_backward", mean_squared_error_backward);
  library.impl("smooth_l1_loss_backward.grad_input", smooth_l1_backward);
  library.impl("_fused_adamw_", adamw);
}

}  // namespace
