// Views, joins and indexing.
#include <ATen/ops/cat.h>
#include <ATen/ops/diagonal.h>
#include <ATen/ops/flatten.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/masked_select.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/reshape.h>
#include <ATen/ops/roll.h>
#include <ATen/ops/scatter.h>
#include <ATen/ops/slice.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tril.h>
#include <ATen/ops/triu.h>

#include "shim.h"

using shim::guarded;
using shim::produce;
using shim::sizes;

int32_t ct_view_as_type(const ct_tensor *x, int32_t dtype, ct_out out) {
  return produce(out, [&] { return x->value.view(shim::type(dtype)); });
}

int32_t ct_reshape(const ct_tensor *x, ct_sizes s, int32_t rank, ct_out out) {
  return produce(out, [&] { return x->value.reshape(sizes(s, rank)); });
}

int32_t ct_permute(const ct_tensor *x, ct_sizes order, int32_t rank, ct_out out) {
  return produce(out, [&] { return x->value.permute(sizes(order, rank)); });
}

int32_t ct_transpose(const ct_tensor *x, int64_t first, int64_t second, ct_out out) {
  return produce(out, [&] { return x->value.transpose(first, second); });
}

int32_t ct_expand(const ct_tensor *x, ct_sizes s, int32_t rank, ct_out out) {
  return produce(out, [&] { return x->value.expand(sizes(s, rank)); });
}

int32_t ct_squeeze(const ct_tensor *x, int64_t dimension, ct_out out) {
  return produce(out, [&] { return x->value.squeeze(dimension); });
}

int32_t ct_unsqueeze(const ct_tensor *x, int64_t dimension, ct_out out) {
  return produce(out, [&] { return x->value.unsqueeze(dimension); });
}

int32_t ct_flatten(const ct_tensor *x, int64_t first, int64_t last, ct_out out) {
  return produce(out, [&] { return x->value.flatten(first, last); });
}

int32_t ct_cat(ct_list tensors, int32_t count, int64_t dimension, ct_out out) {
  return produce(out, [&] { return at::cat(shim::list(tensors, count), dimension); });
}

int32_t ct_stack(ct_list tensors, int32_t count, int64_t dimension, ct_out out) {
  return produce(out, [&] { return at::stack(shim::list(tensors, count), dimension); });
}

int32_t ct_slice(const ct_tensor *x, int64_t dimension, int64_t start, int64_t end, int64_t step, ct_out out) {
  return produce(out, [&] { return x->value.slice(dimension, start, end, step); });
}

int32_t ct_select(const ct_tensor *x, int64_t dimension, int64_t index, ct_out out) {
  return produce(out, [&] { return x->value.select(dimension, index); });
}

int32_t ct_index_select(const ct_tensor *x, int64_t dimension, const ct_tensor *indices, ct_out out) {
  return produce(out, [&] { return at::index_select(x->value, dimension, indices->value); });
}

int32_t ct_masked_select(const ct_tensor *x, const ct_tensor *mask, ct_out out) {
  return produce(out, [&] { return at::masked_select(x->value, mask->value); });
}

int32_t ct_nonzero(const ct_tensor *x, ct_out out) {
  return produce(out, [&] { return at::nonzero(x->value); });
}

int32_t ct_gather(const ct_tensor *x, int64_t dimension, const ct_tensor *indices, ct_out out) {
  return produce(out, [&] { return at::gather(x->value, dimension, indices->value); });
}

int32_t ct_scatter(const ct_tensor *x, int64_t dimension, const ct_tensor *indices, const ct_tensor *source, ct_out out) {
  return produce(out, [&] { return at::scatter(x->value, dimension, indices->value, source->value); });
}

int32_t ct_index_copy_(ct_tensor *x, int64_t dimension, const ct_tensor *indices, const ct_tensor *source) {
  return guarded([&] { x->value.index_copy_(dimension, indices->value, source->value); });
}

int32_t ct_flip(const ct_tensor *x, ct_sizes d, int32_t count, ct_out out) {
  return produce(out, [&] { return at::flip(x->value, sizes(d, count)); });
}

int32_t ct_roll(const ct_tensor *x, ct_sizes shifts, ct_sizes d, int32_t count, ct_out out) {
  return produce(out, [&] { return at::roll(x->value, sizes(shifts, count), sizes(d, count)); });
}

int32_t ct_repeat_interleave(const ct_tensor *x, int64_t repeats, int64_t dimension, ct_out out) {
  return produce(out, [&] { return at::repeat_interleave(x->value, repeats, dimension); });
}

int32_t ct_repeat(const ct_tensor *x, ct_sizes repeats, int32_t rank, ct_out out) {
  return produce(out, [&] { return x->value.repeat(sizes(repeats, rank)); });
}

int32_t ct_tril(const ct_tensor *x, int64_t diagonal, ct_out out) {
  return produce(out, [&] { return at::tril(x->value, diagonal); });
}

int32_t ct_triu(const ct_tensor *x, int64_t diagonal, ct_out out) {
  return produce(out, [&] { return at::triu(x->value, diagonal); });
}

int32_t ct_diagonal(const ct_tensor *x, ct_out out) {
  return produce(out, [&] { return at::diagonal(x->value, 0, -2, -1); });
}
