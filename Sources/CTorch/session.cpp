// Threads, devices, autocast and random number generators.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Event.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#ifdef __linux__
#include <dlfcn.h>
#endif

#include "shim.h"

const char *ct_torch_version(void) { return TORCH_VERSION; }
int32_t ct_thread_count(void) { return at::get_num_threads(); }
int32_t ct_set_thread_count(int32_t count) {
  return shim::guarded([&] { at::set_num_threads(count); });
}
int32_t ct_end_kept_threads(void) {
  return shim::guarded([&] {
#ifdef __linux__
    // Of the OpenMP that libtorch brought, whichever that is; 1 is omp_pause_soft.
    using Pause = int (*)(int);
    static const auto pause = reinterpret_cast<Pause>(dlsym(RTLD_DEFAULT, "omp_pause_resource_all"));
    if (pause) pause(1);
#endif
  });
}

int32_t ct_device_count(int32_t device_type) {
  int32_t count = 0;
  // A driver that fails to start throws: then there is no device to be had.
  shim::guarded([&] {
    switch (device_type) {
      case CT_CPU: case CT_META: count = 1; break;
      case CT_CUDA: count = static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()); break;
      case CT_MPS: count = at::globalContext().hasMPS() ? 1 : 0; break;
      default: break;
    }
  });
  return count;
}

bool ct_supports_device(int32_t device_type) {
  bool supported = false;
  shim::guarded([&] {
    switch (device_type) {
      case CT_CPU: case CT_META: supported = true; break;
      case CT_CUDA: supported = at::globalContext().hasCUDA() || at::detail::getCUDAHooks().hasCUDART(); break;
      case CT_MPS: supported = at::globalContext().hasMPS(); break;
      default: break;
    }
  });
  return supported;
}

int32_t ct_synchronize(int32_t device_type, int32_t device_index) {
  return shim::guarded([&] {
    if (device_type == CT_CPU || device_type == CT_META) return;
    c10::impl::VirtualGuardImpl guard(static_cast<at::DeviceType>(device_type));
    guard.synchronizeDevice(static_cast<at::DeviceIndex>(device_index));
  });
}

bool ct_grad_enabled(void) { return c10::GradMode::is_enabled(); }
void ct_set_grad_enabled(bool enabled) { c10::GradMode::set_enabled(enabled); }

int32_t ct_autocast(int32_t device_type, bool* enabled, int32_t* dtype) {
  return shim::guarded([&] {
    const auto type = static_cast<at::DeviceType>(device_type);
    *enabled = at::autocast::is_autocast_enabled(type);
    *dtype = static_cast<int32_t>(at::autocast::get_autocast_dtype(type));
  });
}

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

int32_t ct_prefer_speed(void) {
  return shim::guarded([&] {
    auto &context = at::globalContext();
    context.setFloat32MatmulPrecision("high");
    context.setAllowTF32CuDNN(true);
    context.setBenchmarkCuDNN(true);
  });
}

int32_t ct_peak_device_memory(int32_t device_type, int32_t device_index, int64_t *out) {
  return shim::guarded([&] {
    const auto stats = at::getDeviceAllocator(static_cast<at::DeviceType>(device_type))
                           ->getDeviceStats(static_cast<at::DeviceIndex>(device_index));
    *out = stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
  });
}

struct ct_event {
  c10::Event value;
};

int32_t ct_event_record(int32_t device_type, int32_t device_index, ct_event **out) {
  return shim::guarded([&] {
    const auto device = shim::device(device_type, device_index);
    auto *event = new ct_event{c10::Event(device.type())};
    *out = event;
    event->value.record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  });
}

int32_t ct_event_wait(ct_event *event) {
  return shim::guarded([&] { event->value.synchronize(); });
}

void ct_event_free(ct_event *event) { delete event; }

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
