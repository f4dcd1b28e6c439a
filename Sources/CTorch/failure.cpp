// What went wrong: whether the caller made a mistake, or memory or a device gave out.
#include <new>
#include <string_view>

#include "shim.h"
#if __has_include(<oneapi/dnnl/dnnl_common.hpp>)
#include <oneapi/dnnl/dnnl_common.hpp>
#define CT_HAS_ONEDNN 1
#endif

std::string &shim::last_error() {
  static thread_local std::string message;
  return message;
}

const char *ct_last_error(void) { return shim::last_error().c_str(); }

void ct_set_last_error(const char *message) {
  shim::guarded([&] { shim::last_error() = message; });
}

namespace {

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  for (const auto part : parts) {
    if (text.find(part) != std::string_view::npos) return true;
  }
  return false;
}

/// The allocators of CPU and MPS, and CUDA's libraries, throw the class that mistakes have: only the words tell.
int32_t status_of(std::string_view message) {
  if (has_any(message, {"DefaultCPUAllocator", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"})) {
    return CT_OUT_OF_MEMORY;
  }
  const bool is_device = has_any(
      message, {"CUDA error", "CUDA driver error", "cuDNN error", "CUDNN_STATUS", "CUBLAS_STATUS", "cusolver error",
                "CUSOLVER_STATUS", "CUFFT_STATUS", "device-side assert"});
  return is_device ? CT_DEVICE_FAILED : CT_REFUSED;
}

/// Keeps a message, or a short one where there is no memory for it.
int32_t keep(const char *message, int32_t status) noexcept {
  try {
    shim::last_error() = message;
  } catch (...) {
    // Short enough to need no memory.
    shim::last_error() = "out of memory";
  }
  return status;
}

}  // namespace

int32_t shim::status_of_exception() noexcept {
  try {
    throw;
  } catch (const Failure &error) {
    return keep(error.what(), error.status);
  } catch (const std::bad_alloc &error) {
    return keep(error.what(), CT_OUT_OF_MEMORY);
  } catch (const c10::OutOfMemoryError &error) {
    return keep(error.what_without_backtrace(), CT_OUT_OF_MEMORY);
  } catch (const c10::AcceleratorError &error) {
    return keep(error.what_without_backtrace(), status_of(error.what_without_backtrace()) == CT_OUT_OF_MEMORY
                                                    ? CT_OUT_OF_MEMORY : CT_DEVICE_FAILED);
  } catch (const c10::Error &error) {
    return keep(error.what_without_backtrace(), status_of(error.what_without_backtrace()));
#ifdef CT_HAS_ONEDNN
  } catch (const dnnl::error &error) {
    // Its words are those of any failure, "could not create a primitive".
    return keep(error.what(), error.status == dnnl_out_of_memory ? CT_OUT_OF_MEMORY : CT_REFUSED);
#endif
  } catch (const std::exception &error) {
    return keep(error.what(), status_of(error.what()));
  } catch (...) {
    return keep("an unknown C++ exception", CT_REFUSED);
  }
}
