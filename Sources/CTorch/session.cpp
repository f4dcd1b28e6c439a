// Errors, threads, devices, autocast and random number generators.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "shim.h"

std::string &shim::last_error() {
  static thread_local std::string message;
  return message;
}

const char *ct_last_error(void) { return shim::last_error().c_str(); }
const char *ct_torch_version(void) { return TORCH_VERSION; }
int32_t ct_thread_count(void) { return at::get_num_threads(); }
void ct_set_thread_count(int32_t count) { at::set_num_threads(count); }

int32_t ct_device_count(int32_t device_type) {
  switch (device_type) {
    case CT_CPU: return 1;
    case CT_CUDA: return at::globalContext().hasCUDA() ? at::globalContext().getAcceleratorHooksInterface(at::kCUDA).deviceCount() : 0;
    case CT_MPS: return at::globalContext().hasMPS() ? 1 : 0;
    default: return 0;
  }
}

int32_t ct_synchronize(int32_t device_type, int32_t device_index) {
  return shim::guarded([&] {
    if (device_type == CT_CPU) return;
    c10::impl::VirtualGuardImpl guard(static_cast<at::DeviceType>(device_type));
    guard.synchronizeDevice(static_cast<at::DeviceIndex>(device_index));
  });
}

bool ct_grad_enabled(void) { return c10::GradMode::is_enabled(); }
void ct_set_grad_enabled(bool enabled) { c10::GradMode::set_enabled(enabled); }

int32_t ct_set_autocast(int32_t device_type, bool enabled, int32_t dtype) {
  return shim::guarded([&] {
    const auto type = static_cast<at::DeviceType>(device_type);
    at::autocast::set_autocast_dtype(type, shim::type(dtype));
    at::autocast::set_autocast_enabled(type, enabled);
    // Casts of weights are kept for the length of one scope only: the weights change after it.
    if (!enabled) at::autocast::clear_cache();
  });
}

void ct_keep_freed_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
  // Setting either one also ends libc's habit of raising both with every large piece that is freed.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

int32_t ct_flush_denormals(bool enabled) {
  return at::globalContext().setFlushDenormal(enabled) ? 0 : 1;
}

int32_t ct_generator_create(uint64_t seed, ct_generator **out) {
  return shim::guarded([&] { *out = new ct_generator{at::detail::createCPUGenerator(seed)}; });
}

void ct_generator_free(ct_generator *generator) { delete generator; }

int32_t ct_generator_state(const ct_generator *generator, ct_out out) {
  return shim::produce(out, [&] { return generator->value.get_state(); });
}

int32_t ct_generator_set_state(ct_generator *generator, const ct_tensor *state) {
  return shim::guarded([&] { generator->value.set_state(state->value); });
}
