// Gradients, and recomputation of activations. Apart from the rest, for these headers are the slow ones.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/zeros.h>

#include "shim.h"

using shim::guarded;

bool ct_requires_grad(const ct_tensor *x) { return x->value.requires_grad(); }

int32_t ct_set_requires_grad(ct_tensor *x, bool required) {
  return guarded([&] { x->value.set_requires_grad(required); });
}

int32_t ct_gradient(const ct_tensor *x, ct_out out) {
  return guarded([&] {
    const at::Tensor &gradient = x->value.grad();
    *out = gradient.defined() ? shim::wrap(gradient) : nullptr;
  });
}

int32_t ct_set_gradient(ct_tensor *x, const ct_tensor *gradient) {
  return guarded([&] { x->value.mutable_grad() = gradient == nullptr ? at::Tensor() : gradient->value; });
}

int32_t ct_backward(const ct_tensor *x, const ct_tensor *gradient) {
  return guarded([&] {
    torch::autograd::backward({x->value}, {gradient == nullptr ? at::Tensor() : gradient->value});
  });
}

int32_t ct_grad(ct_list outputs, int32_t output_count, ct_tensor *const *output_gradients,
                ct_list inputs, int32_t input_count, bool create_graph, ct_out gradients) {
  return guarded([&] {
    std::vector<at::Tensor> seeds(static_cast<size_t>(output_count));
    for (int32_t i = 0; output_gradients != nullptr && i < output_count; ++i) {
      if (output_gradients[i] != nullptr) seeds[static_cast<size_t>(i)] = output_gradients[i]->value;
    }
    const auto found = torch::autograd::grad(
        shim::list(outputs, output_count), shim::list(inputs, input_count), seeds,
        /*retain_graph=*/create_graph, create_graph, /*allow_unused=*/true);
    for (int32_t i = 0; i < input_count; ++i) {
      const at::Tensor &gradient = found[static_cast<size_t>(i)];
      gradients[i] = gradient.defined() ? shim::wrap(gradient) : nullptr;
    }
  });
}

namespace {

using Forward = int32_t (*)(void *, ct_tensor *, ct_out);

/// Sets mixed precision for as long as it lives.
struct Precision {
  Precision(at::DeviceType device, bool enabled, at::ScalarType dtype)
      : device(device),
        was_enabled(at::autocast::is_autocast_enabled(device)),
        previous_dtype(at::autocast::get_autocast_dtype(device)) {
    at::autocast::set_autocast_dtype(device, dtype);
    at::autocast::set_autocast_enabled(device, enabled);
  }
  ~Precision() {
    at::autocast::set_autocast_dtype(device, previous_dtype);
    at::autocast::set_autocast_enabled(device, was_enabled);
    // Its casts of weights would outlive an update of the weights.
    if (!was_enabled) at::autocast::clear_cache();
  }

  at::DeviceType device;
  bool was_enabled;
  at::ScalarType previous_dtype;
};

/// A call into Swift that can be made again in the backward pass, in the precision it was first made in.
struct Segment : torch::CustomClassHolder {
  Segment(void *context, Forward forward, void (*release)(void *), at::DeviceType device)
      : context(context),
        forward(forward),
        release(release),
        device(device),
        autocast(at::autocast::is_autocast_enabled(device)),
        dtype(at::autocast::get_autocast_dtype(device)) {}
  ~Segment() override { release(context); }

  at::Tensor operator()(const at::Tensor &x) const {
    ct_tensor *out = nullptr;
    const int32_t status = forward(context, shim::wrap(x), &out);
    if (status != CT_OK) throw shim::Failure(status);
    at::Tensor value = std::move(out->value);
    delete out;
    return value;
  }

  void *context;
  Forward forward;
  void (*release)(void *);
  at::DeviceType device;
  bool autocast;
  at::ScalarType dtype;
};

/// Keeps the input instead of the activations: Chen et al. 2016, arXiv:1604.06174.
struct Checkpoint : torch::autograd::Function<Checkpoint> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, at::Tensor x, c10::intrusive_ptr<Segment> segment,
                            at::Tensor /*anchor*/) {
    context->save_for_backward({x});
    // The graph owns the segment through this capsule, and lets go of it when it goes itself.
    context->saved_data["segment"] = c10::IValue::make_capsule(segment);
    at::AutoGradMode no_graph(false);
    return (*segment)(x);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                 torch::autograd::variable_list gradients) {
    const auto capsule = context->saved_data["segment"].toCapsule();
    const auto &segment = *static_cast<Segment *>(capsule.get());
    at::Tensor x = context->get_saved_variables()[0].detach();
    x.set_requires_grad(true);
    at::AutoGradMode graph(true);
    at::Tensor output;
    {
      Precision precision(segment.device, segment.autocast, segment.dtype);
      output = segment(x);
    }
    // Reaches the weights as well, whose gradients accumulate where backward() leaves them.
    torch::autograd::backward({output}, {gradients[0]});
    return {x.grad(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

int32_t ct_checkpoint(const ct_tensor *x, void *context, int32_t (*forward)(void *, ct_tensor *, ct_out),
                      void (*release)(void *), ct_out out) {
  return shim::produce(out, [&] {
    auto segment = c10::make_intrusive<Segment>(context, forward, release, x->value.device().type());
    // Without an input that wants a gradient the graph would end here and the weights get none.
    at::Tensor anchor = at::zeros({0}, x->value.options()).set_requires_grad(true);
    return Checkpoint::apply(x->value, segment, anchor);
  });
}
