// Creation, memory and conversion of tensors.
#include <ATen/ops/arange.h>
#include <ATen/ops/clone.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>

#include "shim.h"

using shim::guarded;
using shim::produce;
using shim::sizes;

static at::TensorOptions options(int32_t dtype, int32_t device_type = CT_CPU, int32_t device_index = 0) {
  const auto type = static_cast<at::DeviceType>(device_type);
  return at::TensorOptions().dtype(shim::type(dtype)).device(
      type == at::kCPU ? at::Device(type) : shim::device(device_type, device_index));
}

// How often this thread sent tensors from the host to a device and back: what a training step is to avoid.
static thread_local int64_t copies_to_device = 0;
static thread_local int64_t copies_to_host = 0;

static void count_copy(at::DeviceType from, at::DeviceType to) {
  if (from == to) return;
  if (from == at::kCPU) ++copies_to_device;
  if (to == at::kCPU) ++copies_to_host;
}

void ct_copy_counts(int64_t *to_device, int64_t *to_host) {
  *to_device = copies_to_device;
  *to_host = copies_to_host;
}

void ct_free(ct_tensor *x) { delete x; }

int32_t ct_empty(ct_sizes s, int32_t rank, int32_t dtype, int32_t device_type, int32_t device_index, ct_out out) {
  return produce(out, [&] { return at::empty(sizes(s, rank), options(dtype, device_type, device_index)); });
}

int32_t ct_full(ct_sizes s, int32_t rank, double value, int32_t dtype, int32_t device_type, int32_t device_index, ct_out out) {
  return produce(out, [&] { return at::full(sizes(s, rank), value, options(dtype, device_type, device_index)); });
}

int32_t ct_empty_pinned(ct_sizes s, int32_t rank, int32_t dtype, ct_out out) {
  return produce(out, [&] { return at::empty(sizes(s, rank), options(dtype).pinned_memory(true)); });
}

int32_t ct_arange(double start, double end, double step, int32_t dtype, int32_t device_type, int32_t device_index, ct_out out) {
  return produce(out, [&] { return at::arange(start, end, step, options(dtype, device_type, device_index)); });
}

int32_t ct_linspace(double start, double end, int64_t count, int32_t dtype, ct_out out) {
  return produce(out, [&] { return at::linspace(start, end, count, options(dtype)); });
}

int32_t ct_eye(int64_t size, int32_t dtype, int32_t device_type, int32_t device_index, ct_out out) {
  return produce(out, [&] { return at::eye(size, options(dtype, device_type, device_index)); });
}

int32_t ct_rand(ct_sizes s, int32_t rank, int32_t dtype, ct_generator *generator, ct_out out) {
  return produce(out, [&] { return at::rand(sizes(s, rank), generator->value, options(dtype)); });
}

int32_t ct_randn(ct_sizes s, int32_t rank, int32_t dtype, ct_generator *generator, ct_out out) {
  return produce(out, [&] { return at::randn(sizes(s, rank), generator->value, options(dtype)); });
}

int32_t ct_randint(int64_t low, int64_t high, ct_sizes s, int32_t rank, ct_generator *generator, ct_out out) {
  return produce(out, [&] { return at::randint(low, high, sizes(s, rank), generator->value, options(CT_INT64)); });
}

int32_t ct_randperm(int64_t count, ct_generator *generator, ct_out out) {
  return produce(out, [&] { return at::randperm(count, generator->value, options(CT_INT64)); });
}

int32_t ct_from_memory(void *data, ct_sizes s, int32_t rank, int32_t dtype, void *context, void (*release)(void *), ct_out out) {
  return produce(out, [&] {
    if (release == nullptr) return at::from_blob(data, sizes(s, rank), options(dtype));
    return at::from_blob(data, sizes(s, rank), [context, release](void *) { release(context); }, options(dtype));
  });
}

int32_t ct_rank(const ct_tensor *x) { return static_cast<int32_t>(x->value.dim()); }
int64_t ct_size(const ct_tensor *x, int32_t dimension) { return x->value.sizes()[static_cast<size_t>(dimension)]; }
int64_t ct_stride(const ct_tensor *x, int32_t dimension) { return x->value.strides()[static_cast<size_t>(dimension)]; }
int64_t ct_element_count(const ct_tensor *x) { return x->value.numel(); }
int32_t ct_dtype(const ct_tensor *x) { return static_cast<int32_t>(x->value.scalar_type()); }
int32_t ct_device_type(const ct_tensor *x) { return static_cast<int32_t>(x->value.device().type()); }
int32_t ct_device_index(const ct_tensor *x) { return x->value.device().has_index() ? x->value.device().index() : 0; }
bool ct_is_contiguous(const ct_tensor *x) { return x->value.is_contiguous(); }
bool ct_same_storage(const ct_tensor *x, const ct_tensor *y) { return x->value.storage().is_alias_of(y->value.storage()); }

int32_t ct_data(const ct_tensor *x, void **out) {
  return guarded([&] { *out = x->value.data_ptr(); });
}

int32_t ct_item(const ct_tensor *x, double *out) {
  return guarded([&] {
    count_copy(x->value.device().type(), at::kCPU);
    *out = x->value.item().toDouble();
  });
}

int32_t ct_item_int(const ct_tensor *x, int64_t *out) {
  return guarded([&] {
    count_copy(x->value.device().type(), at::kCPU);
    *out = x->value.item().toLong();
  });
}

int32_t ct_to(const ct_tensor *x, int32_t dtype, int32_t device_type, int32_t device_index, bool copy, ct_out out) {
  return produce(out, [&] {
    const auto target = options(dtype, device_type, device_index);
    count_copy(x->value.device().type(), target.device().type());
    // The host goes on at once: CUDA has taken pageable memory over when the call returns, and whoever
    // gives pinned memory away waits for an event before writing to it again.
    const bool returns_early = x->value.device().is_cpu() && target.device().is_cuda();
    return x->value.to(target, returns_early, copy);
  });
}

int32_t ct_contiguous(const ct_tensor *x, bool channels_last, ct_out out) {
  return produce(out, [&] {
    return x->value.contiguous(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  });
}

int32_t ct_clone(const ct_tensor *x, ct_out out) {
  return produce(out, [&] { return x->value.clone(); });
}

int32_t ct_detach(const ct_tensor *x, ct_out out) {
  return produce(out, [&] { return x->value.detach(); });
}

int32_t ct_alias(const ct_tensor *x, ct_out out) {
  return produce(out, [&] { return x->value; });
}

int32_t ct_set_data_(ct_tensor *x, const ct_tensor *source) {
  return guarded([&] {
    if (!source->value.is_meta()) return x->value.set_data(source->value);
    // libtorch does not let a tensor lose its memory: this one takes the other's place.
    const bool wants_gradient = x->value.requires_grad();
    x->value = source->value.detach().set_requires_grad(wants_gradient);
  });
}

int32_t ct_copy_(ct_tensor *x, const ct_tensor *source) {
  return guarded([&] {
    count_copy(source->value.device().type(), x->value.device().type());
    x->value.copy_(source->value);
  });
}

int32_t ct_fill_(ct_tensor *x, double value) {
  return guarded([&] { x->value.fill_(value); });
}

int32_t ct_add_(ct_tensor *x, const ct_tensor *y, double scale) {
  return guarded([&] { x->value.add_(y->value, scale); });
}

int32_t ct_addcmul_(ct_tensor *x, const ct_tensor *left, const ct_tensor *right, double scale) {
  return guarded([&] { x->value.addcmul_(left->value, right->value, scale); });
}

int32_t ct_mul_(ct_tensor *x, double factor) {
  return guarded([&] { x->value.mul_(factor); });
}
