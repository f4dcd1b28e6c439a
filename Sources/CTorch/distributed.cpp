// Several processes: the store where they meet, collectives, and those that gradients go through. c10d's own Gloo, which
// every libtorch has. Apart from the rest, for these headers are slow.
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <ATen/ops/batch_norm_update_stats.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Logging.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "shim.h"

using shim::guarded;

#if defined(__GLIBCXX__) && defined(__LP64__)
// As with gloo's own headers (torch 2.13). Where another torch has another size, compare it with theirs again: what is
// declared in gloo/ must not change it.
static_assert(sizeof(c10d::ProcessGroupGloo) == 488, "the layout of c10d's Gloo backend has changed");
#endif

struct ct_store {
  c10::intrusive_ptr<c10d::TCPStore> server;
  c10::intrusive_ptr<c10d::Store> keys;
};

namespace {

/// The processes of a group. Graphs hold it too, so that closing it does not wait for them to go.
struct Group : torch::CustomClassHolder {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> backend;

  int64_t size() const { return connected().getSize(); }
  int64_t rank() const { return connected().getRank(); }

  c10d::ProcessGroupGloo &connected() const {
    if (!backend) throw std::runtime_error("this process has left the group");
    return *backend;
  }
};

/// Runs collectives. What Gloo throws has the others for its reason: one is gone, or does not answer. What c10d refuses is a
/// mistake of the caller's.
template <typename Body>
auto together(Body &&body) {
  try {
    return body();
  } catch (const c10::DistError &error) {
    shim::last_error() = error.what_without_backtrace();
  } catch (const c10::Error &) {
    throw;
  } catch (const std::exception &error) {
    shim::last_error() = error.what();
  }
  throw shim::Failure(CT_PEERS_FAILED);
}

/// Replaces each tensor by its sum over all processes; those of one type travel together.
void sum_all(const Group &group, const std::vector<at::Tensor> &tensors) {
  std::map<at::ScalarType, std::vector<at::Tensor>> kinds;
  for (const at::Tensor &tensor : tensors) kinds[tensor.scalar_type()].push_back(tensor);
  together([&] {
    for (auto &[type, list] : kinds) {
      if (list.size() == 1) {
        group.connected().allreduce(list)->wait();
      } else {
        group.connected().allreduce_coalesced(list)->wait();
      }
    }
  });
}

at::Tensor summed(const Group &group, const at::Tensor &x) {
  at::Tensor sum = x.detach().clone(at::MemoryFormat::Contiguous);
  sum_all(group, {sum});
  return sum;
}

/// `[W, …]`, from every process its `x`.
at::Tensor gathered(const Group &group, const at::Tensor &x) {
  at::Tensor mine = x.detach().contiguous();
  std::vector<int64_t> shape = mine.sizes().vec();
  shape.insert(shape.begin(), group.size());
  at::Tensor all = at::empty(shape, mine.options());
  if (mine.numel() == 0) return all;
  // Of Gloo the pieces of the result have the shape of what is given.
  at::Tensor flat = all.view(-1), own = mine.view(-1);
  together([&] { group.connected()._allgather_base(flat, own)->wait(); });
  return all;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void keep(AutogradContext *context, const c10::intrusive_ptr<Group> &group) {
  context->saved_data["group"] = c10::IValue::make_capsule(group);
}

Group &kept(AutogradContext *context) {
  return *static_cast<Group *>(context->saved_data["group"].toCapsule().get());
}

/// The sum over all processes. Each has a loss of its own, and what is descended on is their sum: so the gradient of a
/// sum is the sum of the gradients that all of them have for it.
struct Sum : torch::autograd::Function<Sum> {
  static at::Tensor forward(AutogradContext *context, at::Tensor x, c10::intrusive_ptr<Group> group) {
    keep(context, group);
    return summed(*group, x);
  }
  static variable_list backward(AutogradContext *context, variable_list gradients) {
    return {summed(kept(context), gradients[0]), at::Tensor()};
  }
};

/// What all processes have, one after the other; the gradient of one's part is the sum of what all have for it.
struct Gather : torch::autograd::Function<Gather> {
  static at::Tensor forward(AutogradContext *context, at::Tensor x, c10::intrusive_ptr<Group> group) {
    keep(context, group);
    return gathered(*group, x);
  }
  static variable_list backward(AutogradContext *context, variable_list gradients) {
    Group &group = kept(context);
    return {summed(group, gradients[0]).select(0, group.rank()), at::Tensor()};
  }
};

/// Of a channel's elements on all processes: mean, variance and number, float32 or float64 `[C]`, `[C]`, `[1]`.
struct Moments {
  at::Tensor mean;
  at::Tensor variance;
  at::Tensor count;
};

/// From each process its mean, its variance and its count: sums of squares would lose the digits of small variances.
Moments moments(const Group &group, const at::Tensor &x, const at::TensorOptions &options) {
  const int64_t channels = x.size(1);
  const double elements = static_cast<double>(x.numel()) / static_cast<double>(std::max<int64_t>(channels, 1));
  at::Tensor mean = at::zeros({channels}, options), variance = at::zeros({channels}, options);
  if (x.numel() > 0) std::tie(mean, variance) = at::batch_norm_update_stats(x, {}, {}, 0);
  const at::Tensor own =
      at::cat({mean.to(options), variance.to(options), at::full({1}, elements, options)});
  const at::Tensor all = gathered(group, own);
  const at::Tensor counts = all.narrow(1, 2 * channels, 1), means = all.narrow(1, 0, channels);
  const at::Tensor count = counts.sum(0);
  const at::Tensor whole = (means * counts).sum(0) / count;
  const at::Tensor squares = (all.narrow(1, channels, channels) * counts).sum(0) + ((means - whole).square() * counts).sum(0);
  return {whole, squares / count, count};
}

/// Normalized by the moments of all processes' elements, scaled and shifted.
///
/// Forward it is the kernel of inference, given those moments. Backward its gradient takes the moments for constants; what
/// is missing are two sums over all processes, those that the gradients of scale and shift are made of.
struct BatchNorm : torch::autograd::Function<BatchNorm> {
  static variable_list forward(AutogradContext *context, at::Tensor x, at::Tensor weight, at::Tensor bias,
                               c10::intrusive_ptr<Group> group, double epsilon) {
    const Moments of_all = moments(*group, x, weight.options());
    at::Tensor out = x.numel() == 0
        ? at::empty_like(x)
        : std::get<0>(at::native_batch_norm(x, weight, bias, of_all.mean, of_all.variance, false, 0, epsilon));
    keep(context, group);
    context->saved_data["epsilon"] = epsilon;
    context->save_for_backward({x, weight, of_all.mean, of_all.variance, of_all.count});
    const at::Tensor unbiased = of_all.variance * (of_all.count / (of_all.count - 1));
    context->mark_non_differentiable({of_all.mean, unbiased});
    return {out, of_all.mean, unbiased};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &variance = saved[3], &count = saved[4];
    const double epsilon = context->saved_data["epsilon"].toDouble();
    at::Tensor of_x = at::zeros_like(x), of_weight = at::zeros_like(weight), of_bias = at::zeros_like(weight);
    if (x.numel() > 0) {
      std::tie(of_x, of_weight, of_bias) = at::native_batch_norm_backward(
          gradients[0].contiguous(x.suggest_memory_format()), x, weight, mean, variance, {}, {}, false, epsilon,
          {true, true, true});
    }
    const int64_t channels = weight.size(0);
    const at::Tensor sums = summed(kept(context), at::cat({of_weight, of_bias})) / count;
    // d x = w r (g - mean of g - x^ mean of g x^), with x^ = (x - m) r and r = 1 / sqrt(variance + epsilon).
    const at::Tensor inverse = (variance + epsilon).rsqrt(), scale = weight * inverse;
    const at::Tensor slope = -scale * inverse * sums.narrow(0, 0, channels);
    const at::Tensor offset = -scale * sums.narrow(0, channels, channels) - slope * mean;
    std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
    shape[1] = channels;
    of_x.addcmul_(x, slope.view(shape).to(x.scalar_type())).add_(offset.view(shape).to(x.scalar_type()));
    return {of_x, of_weight, of_bias, at::Tensor(), at::Tensor()};
  }
};

/// Before the first socket: the reasons for failures come as exceptions, and nothing is to be printed beside them.
void silence_log() {
  static const bool once = [] {
    setenv("TORCH_CPP_LOG_LEVEL", "FATAL", 0);
    c10::initLogging();
    return true;
  }();
  (void)once;
}

/// A socket that listens at one address, for c10d's store, which would listen on all interfaces. The store closes it.
int listening_socket(const char *host, int32_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (const int status = getaddrinfo(host, std::to_string(port).c_str(), &hints, &found)) {
    throw std::runtime_error(gai_strerror(status));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, &freeaddrinfo);
  const int listening = socket(address->ai_family, SOCK_STREAM, 0);
  if (listening < 0) throw std::system_error(errno, std::generic_category());
  // A port that a run has just left is free.
  const int yes = 1;
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listening, address->ai_addr, address->ai_addrlen) == 0 && listen(listening, SOMAXCONN) == 0) return listening;
  const int error = errno;
  close(listening);
  if (error == EADDRINUSE) throw std::runtime_error("EADDRINUSE");
  throw std::system_error(error, std::generic_category());
}

/// The port that a socket is bound to.
uint16_t port_of(int bound) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(bound, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
    throw std::system_error(errno, std::generic_category());
  }
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 *>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in *>(&address)->sin_port);
}

}  // namespace

struct ct_group {
  c10::intrusive_ptr<Group> value;
};

int32_t ct_store_create(const char *host, int32_t port, bool is_server, bool is_local, const char *prefix,
                        int64_t timeout_ms, ct_store **out) {
  return guarded([&] {
    silence_log();
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = is_server;
    options.waitWorkers = false;
    if (is_server && is_local) {
      options.masterListenFd = listening_socket(host, port);
      options.port = port_of(*options.masterListenFd);
    }
    options.timeout = std::chrono::milliseconds(timeout_ms);
    auto store = c10::make_intrusive<c10d::TCPStore>(std::string(host), options);
    auto keys = c10::make_intrusive<c10d::PrefixStore>(std::string(prefix), store);
    *out = new ct_store{store, keys};
  });
}

int32_t ct_store_port(const ct_store *store, int32_t *out) {
  return guarded([&] { *out = store->server->getPort(); });
}

int32_t ct_store_add(ct_store *store, const char *key, int64_t amount, int64_t *out) {
  return guarded([&] { *out = store->keys->add(key, amount); });
}

void ct_store_free(ct_store *store) { delete store; }

int32_t ct_group_create(const ct_store *store, int32_t rank, int32_t size, const char *host, int64_t timeout_ms,
                        ct_group **out) {
  return guarded([&] {
    using Gloo = c10d::ProcessGroupGloo;
    const auto options = Gloo::Options::create(std::chrono::milliseconds(timeout_ms));
    // The name that users of PyTorch know; c10d's Python code reads it, not libtorch.
    const char *interface = std::getenv("GLOO_SOCKET_IFNAME");
    options->devices.push_back(interface != nullptr ? Gloo::createDeviceForInterface(interface)
                               : host != nullptr    ? Gloo::createDeviceForHostname(host)
                                                    : Gloo::createDefaultDevice());
    auto group = c10::make_intrusive<Group>();
    group->backend = c10::make_intrusive<Gloo>(store->keys, rank, size, options);
    *out = new ct_group{group};
  });
}

int32_t ct_group_leave(ct_group *group) {
  return guarded([&] { group->value->backend.reset(); });
}

void ct_group_free(ct_group *group) { delete group; }

int32_t ct_group_barrier(ct_group *group) {
  return guarded([&] { together([&] { group->value->connected().barrier()->wait(); }); });
}

int32_t ct_group_sum_(ct_group *group, ct_list tensors, int32_t count) {
  return guarded([&] { sum_all(*group->value, shim::list(tensors, count)); });
}

int32_t ct_group_broadcast_(ct_group *group, ct_list tensors, int32_t count, int32_t root) {
  return guarded([&] {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    for (const at::Tensor &tensor : shim::list(tensors, count)) {
      std::vector<at::Tensor> whole{tensor.contiguous()};
      together([&] { group->value->connected().broadcast(whole, options)->wait(); });
      if (!whole[0].is_same(tensor)) tensor.copy_(whole[0]);
    }
  });
}

int32_t ct_group_send(ct_group *group, const ct_tensor *x, int32_t rank) {
  return guarded([&] {
    std::vector<at::Tensor> whole{x->value.detach().contiguous()};
    together([&] { group->value->connected().send(whole, rank, 0)->wait(); });
  });
}

int32_t ct_group_receive_(ct_group *group, const ct_tensor *x, int32_t rank) {
  return guarded([&] {
    std::vector<at::Tensor> whole{x->value};
    together([&] { group->value->connected().recv(whole, rank, 0)->wait(); });
  });
}

int32_t ct_group_summed(const ct_tensor *x, ct_group *group, ct_out out) {
  return shim::produce(out, [&] { return Sum::apply(x->value, group->value); });
}

int32_t ct_group_gathered(const ct_tensor *x, ct_group *group, ct_out out) {
  return shim::produce(out, [&] { return Gather::apply(x->value, group->value); });
}

int32_t ct_group_batch_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, double epsilon,
                            ct_group *group, ct_out out, ct_out mean, ct_out variance) {
  return guarded([&] {
    const auto results = BatchNorm::apply(x->value, weight->value, bias->value, group->value, epsilon);
    *out = shim::wrap(results[0]);
    *mean = shim::wrap(results[1]);
    *variance = shim::wrap(results[2]);
  });
}
