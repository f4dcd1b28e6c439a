// What every file of the shim shares: handles and the one guard against C++ exceptions.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ctorch.h"

struct ct_tensor {
  at::Tensor value;
};

struct ct_generator {
  at::Generator value;
};

namespace shim {

/// This thread's last error message.
std::string &last_error();

/// Keeps the message of the exception that is being handled, and tells its kind: one of the statuses of ctorch.h.
int32_t status_of_exception() noexcept;

/// A failure of Swift code that libtorch called, on its way through libtorch; `last_error()` has the message.
struct Failure : std::exception {
  explicit Failure(int32_t status) : status(status), message(last_error()) {}
  const char *what() const noexcept override { return message.c_str(); }

  int32_t status;
  std::string message;
};

/// Runs `body`; no C++ exception may reach Swift, where it would end the process.
template <typename Body>
int32_t guarded(Body &&body) noexcept {
  try {
    body();
    return CT_OK;
  } catch (...) {
    return status_of_exception();
  }
}

inline ct_tensor *wrap(at::Tensor value) { return new ct_tensor{std::move(value)}; }

/// Runs `body`, which makes one tensor, and hands it out.
template <typename Body>
int32_t produce(ct_out out, Body &&body) noexcept {
  return guarded([&] { *out = wrap(body()); });
}

inline at::IntArrayRef sizes(ct_sizes values, int32_t count) {
  return at::IntArrayRef(values, static_cast<size_t>(count));
}

inline at::OptionalIntArrayRef dimensions(ct_sizes values, int32_t count) {
  return count == 0 ? at::OptionalIntArrayRef() : at::OptionalIntArrayRef(sizes(values, count));
}

inline std::optional<at::Tensor> optional(const ct_tensor *x) {
  return x == nullptr ? std::nullopt : std::optional<at::Tensor>(x->value);
}

inline std::vector<at::Tensor> list(ct_list tensors, int32_t count) {
  std::vector<at::Tensor> values;
  values.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) values.push_back(tensors[i]->value);
  return values;
}

/// libtorch looks a type up where nothing may throw, and ends the process where there is none of that number.
inline at::ScalarType type(int32_t dtype) {
  const auto type = static_cast<at::ScalarType>(dtype);
  TORCH_CHECK(
      dtype >= 0 && dtype < static_cast<int32_t>(at::ScalarType::NumOptions) && type != at::ScalarType::Undefined,
      "no type of elements has the number ", dtype);
  return type;
}

inline at::Device device(int32_t device_type, int32_t device_index) {
  return at::Device(static_cast<at::DeviceType>(device_type), static_cast<at::DeviceIndex>(device_index));
}

}  // namespace shim
