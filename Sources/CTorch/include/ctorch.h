// libtorch behind a pure C interface: the only header through which Swift sees it.
//
// Conventions. Every function that can fail returns 0 on success and the kind of failure otherwise, and writes its
// result through `out`; after a failure `ct_last_error()` is libtorch's message for this thread. A tensor
// handle owns one reference and is released with `ct_free`. Dimensions may be negative (from the end).
// Because it is pure C, the library can be built against another torch (CUDA, say) and swapped in.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#define CT_NULLABLE _Nullable
#define CT_NONNULL _Nonnull
#else
#define CT_NULLABLE
#define CT_NONNULL
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor ct_tensor;
typedef struct ct_generator ct_generator;
typedef ct_tensor *CT_NULLABLE *CT_NONNULL ct_out;
typedef const int64_t *CT_NONNULL ct_sizes;
typedef ct_tensor *CT_NONNULL const *CT_NONNULL ct_list;

// Element types and kinds of device, numbered as libtorch's own enumerations are.
enum { CT_UINT8 = 0, CT_INT32 = 3, CT_INT64 = 4, CT_FLOAT16 = 5, CT_FLOAT32 = 6, CT_FLOAT64 = 7, CT_BOOL = 11, CT_BFLOAT16 = 15 };
enum { CT_CPU = 0, CT_CUDA = 1, CT_MPS = 13, CT_META = 14 };
// What a function returns. Refused: the caller's mistake, such as shapes that do not fit. Peers failed: another process is
// gone, or does not answer.
enum { CT_OK = 0, CT_REFUSED = 1, CT_OUT_OF_MEMORY = 2, CT_DEVICE_FAILED = 3, CT_PEERS_FAILED = 4 };

// --- Failures (failure.cpp) -----------------------------------------------------------------
const char *ct_last_error(void);
/// For Swift code that libtorch calls: what it says when it returns a failure.
void ct_set_last_error(const char *message);

// --- Session (session.cpp) ------------------------------------------------------------------
const char *ct_torch_version(void);
int32_t ct_thread_count(void);
int32_t ct_set_thread_count(int32_t count);
/// Ends the threads that OpenMP keeps for the calling one; it makes new ones when it computes again. Nothing but on Linux.
int32_t ct_end_kept_threads(void);
/// 0 where this libtorch was not built for the kind, or the machine has none.
int32_t ct_device_count(int32_t device_type);
/// Whether this libtorch was built for the kind.
bool ct_supports_device(int32_t device_type);
int32_t ct_synchronize(int32_t device_type, int32_t device_index);
bool ct_grad_enabled(void);
void ct_set_grad_enabled(bool enabled);
/// What `ct_set_autocast` set last on this thread.
int32_t ct_autocast(int32_t device_type, bool* enabled, int32_t* dtype);
int32_t ct_set_autocast(int32_t device_type, bool enabled, int32_t dtype);
void ct_keep_freed_memory(void);
int32_t ct_flush_denormals(bool enabled);
/// Products of float32 in TF32, and convolutions by the algorithm that was fastest when tried; CUDA only.
int32_t ct_prefer_speed(void);
/// The most bytes that tensors took on a device at one time.
int32_t ct_peak_device_memory(int32_t device_type, int32_t device_index, int64_t *out);

/// A point in a device's work that the host can wait for.
typedef struct ct_event ct_event;
/// Records an event in the current stream, behind everything that was started.
int32_t ct_event_record(int32_t device_type, int32_t device_index, ct_event *CT_NULLABLE *CT_NONNULL out);
int32_t ct_event_wait(ct_event *event);
void ct_event_free(ct_event *event);

int32_t ct_generator_create(uint64_t seed, ct_generator *CT_NULLABLE *CT_NONNULL out);
void ct_generator_free(ct_generator *generator);
int32_t ct_generator_state(const ct_generator *generator, ct_out out);
int32_t ct_generator_set_state(ct_generator *generator, const ct_tensor *state);

// --- Creation and memory (tensor.cpp) --------------------------------------------------------
void ct_free(ct_tensor *x);
int32_t ct_empty(ct_sizes sizes, int32_t rank, int32_t dtype, int32_t device_type, int32_t device_index, ct_out out);
int32_t ct_full(ct_sizes sizes, int32_t rank, double value, int32_t dtype, int32_t device_type, int32_t device_index, ct_out out);
/// Memory of the host that a device can read by itself; fails where there is no CUDA.
int32_t ct_empty_pinned(ct_sizes sizes, int32_t rank, int32_t dtype, ct_out out);
int32_t ct_arange(double start, double end, double step, int32_t dtype, int32_t device_type, int32_t device_index, ct_out out);
int32_t ct_linspace(double start, double end, int64_t count, int32_t dtype, ct_out out);
int32_t ct_eye(int64_t size, int32_t dtype, int32_t device_type, int32_t device_index, ct_out out);
/// Random tensors are drawn on the CPU, so that a seed means the same numbers on every device.
int32_t ct_rand(ct_sizes sizes, int32_t rank, int32_t dtype, ct_generator *generator, ct_out out);
int32_t ct_randn(ct_sizes sizes, int32_t rank, int32_t dtype, ct_generator *generator, ct_out out);
int32_t ct_randint(int64_t low, int64_t high, ct_sizes sizes, int32_t rank, ct_generator *generator, ct_out out);
int32_t ct_randperm(int64_t count, ct_generator *generator, ct_out out);
/// A view of foreign memory; `release(context)` runs when the last tensor that shares it is gone.
int32_t ct_from_memory(void *data, ct_sizes sizes, int32_t rank, int32_t dtype, void *CT_NULLABLE context,
                       void (*CT_NULLABLE release)(void *CT_NULLABLE), ct_out out);

int32_t ct_rank(const ct_tensor *x);
int64_t ct_size(const ct_tensor *x, int32_t dimension);
int64_t ct_stride(const ct_tensor *x, int32_t dimension);
int64_t ct_element_count(const ct_tensor *x);
int32_t ct_dtype(const ct_tensor *x);
int32_t ct_device_type(const ct_tensor *x);
int32_t ct_device_index(const ct_tensor *x);
bool ct_is_contiguous(const ct_tensor *x);
bool ct_same_storage(const ct_tensor *x, const ct_tensor *y);
int32_t ct_data(const ct_tensor *x, void *CT_NULLABLE *CT_NULLABLE out);
int32_t ct_item(const ct_tensor *x, double *out);
int32_t ct_item_int(const ct_tensor *x, int64_t *out);

/// How often this thread sent tensors from the host to a device and back.
void ct_copy_counts(int64_t *to_device, int64_t *to_host);
int32_t ct_to(const ct_tensor *x, int32_t dtype, int32_t device_type, int32_t device_index, bool copy, ct_out out);
int32_t ct_contiguous(const ct_tensor *x, bool channels_last, ct_out out);
int32_t ct_clone(const ct_tensor *x, ct_out out);
int32_t ct_detach(const ct_tensor *x, ct_out out);
/// Another handle on the same tensor.
int32_t ct_alias(const ct_tensor *x, ct_out out);
/// Replaces the memory behind `x`, whatever its device, for every holder of `x`.
int32_t ct_set_data_(ct_tensor *x, const ct_tensor *source);
int32_t ct_copy_(ct_tensor *x, const ct_tensor *source);
int32_t ct_fill_(ct_tensor *x, double value);
int32_t ct_add_(ct_tensor *x, const ct_tensor *y, double scale);
int32_t ct_addcmul_(ct_tensor *x, const ct_tensor *left, const ct_tensor *right, double scale);
int32_t ct_mul_(ct_tensor *x, double factor);

// --- Elementwise (elementwise.cpp) -----------------------------------------------------------
#define CT_UNARY_OPERATORS(X)                                                                             \
  X(neg) X(abs) X(sign) X(exp) X(log) X(log1p) X(expm1) X(sqrt) X(rsqrt) X(square) X(reciprocal) X(sin)   \
  X(cos) X(tanh) X(sigmoid) X(relu) X(silu) X(erf) X(softplus) X(log_sigmoid) X(floor) X(ceil) X(round)   \
  X(isfinite) X(isnan) X(logical_not)
#define CT_DECLARE_UNARY(name) int32_t ct_##name(const ct_tensor *x, ct_out out);
CT_UNARY_OPERATORS(CT_DECLARE_UNARY)

#define CT_BINARY_OPERATORS(X)                                                                            \
  X(add) X(sub) X(mul) X(div) X(pow) X(maximum) X(minimum) X(eq) X(ne) X(lt) X(le) X(gt) X(ge)            \
  X(logical_and) X(logical_or) X(remainder) X(atan2) X(matmul)
#define CT_DECLARE_BINARY(name) int32_t ct_##name(const ct_tensor *x, const ct_tensor *y, ct_out out);
CT_BINARY_OPERATORS(CT_DECLARE_BINARY)

#define CT_SCALAR_OPERATORS(X) X(add) X(mul) X(div) X(pow) X(eq) X(ne) X(lt) X(le) X(gt) X(ge) X(remainder)
#define CT_DECLARE_SCALAR(name) int32_t ct_##name##_scalar(const ct_tensor *x, double y, ct_out out);
CT_SCALAR_OPERATORS(CT_DECLARE_SCALAR)

int32_t ct_gelu(const ct_tensor *x, bool tanh_approximation, ct_out out);
int32_t ct_clamp(const ct_tensor *x, double low, double high, ct_out out);
int32_t ct_where(const ct_tensor *condition, const ct_tensor *x, const ct_tensor *y, ct_out out);
int32_t ct_masked_fill(const ct_tensor *x, const ct_tensor *mask, double value, ct_out out);
int32_t ct_lerp(const ct_tensor *x, const ct_tensor *end, double weight, ct_out out);
int32_t ct_lerp_(ct_tensor *x, const ct_tensor *end, double weight);

// --- Reductions (reduction.cpp) --------------------------------------------------------------
// No dimensions (count 0) reduces over all of them.
#define CT_REDUCTIONS(X) X(sum) X(mean) X(amax) X(amin) X(logsumexp) X(norm) X(any) X(all)
#define CT_DECLARE_REDUCTION(name) \
  int32_t ct_##name(const ct_tensor *x, ct_sizes dimensions, int32_t count, bool keep, ct_out out);
CT_REDUCTIONS(CT_DECLARE_REDUCTION)
int32_t ct_var(const ct_tensor *x, ct_sizes dimensions, int32_t count, int64_t correction, bool keep, ct_out out);
int32_t ct_argmax(const ct_tensor *x, int64_t dimension, bool keep, ct_out out);
int32_t ct_argmin(const ct_tensor *x, int64_t dimension, bool keep, ct_out out);
int32_t ct_cumsum(const ct_tensor *x, int64_t dimension, ct_out out);
int32_t ct_topk(const ct_tensor *x, int64_t count, int64_t dimension, bool largest, ct_out values, ct_out indices);
int32_t ct_sort(const ct_tensor *x, int64_t dimension, bool descending, ct_out values, ct_out indices);
int32_t ct_softmax(const ct_tensor *x, int64_t dimension, ct_out out);
int32_t ct_log_softmax(const ct_tensor *x, int64_t dimension, ct_out out);

// --- Shape and indexing (shape.cpp) ----------------------------------------------------------
/// The same bytes as elements of another type, along the last dimension.
int32_t ct_view_as_type(const ct_tensor *x, int32_t dtype, ct_out out);
int32_t ct_reshape(const ct_tensor *x, ct_sizes sizes, int32_t rank, ct_out out);
int32_t ct_permute(const ct_tensor *x, ct_sizes order, int32_t rank, ct_out out);
int32_t ct_transpose(const ct_tensor *x, int64_t first, int64_t second, ct_out out);
int32_t ct_expand(const ct_tensor *x, ct_sizes sizes, int32_t rank, ct_out out);
int32_t ct_squeeze(const ct_tensor *x, int64_t dimension, ct_out out);
int32_t ct_unsqueeze(const ct_tensor *x, int64_t dimension, ct_out out);
int32_t ct_flatten(const ct_tensor *x, int64_t first, int64_t last, ct_out out);
int32_t ct_cat(ct_list tensors, int32_t count, int64_t dimension, ct_out out);
int32_t ct_stack(ct_list tensors, int32_t count, int64_t dimension, ct_out out);
int32_t ct_slice(const ct_tensor *x, int64_t dimension, int64_t start, int64_t end, int64_t step, ct_out out);
int32_t ct_select(const ct_tensor *x, int64_t dimension, int64_t index, ct_out out);
int32_t ct_index_select(const ct_tensor *x, int64_t dimension, const ct_tensor *indices, ct_out out);
int32_t ct_masked_select(const ct_tensor *x, const ct_tensor *mask, ct_out out);
int32_t ct_nonzero(const ct_tensor *x, ct_out out);
int32_t ct_gather(const ct_tensor *x, int64_t dimension, const ct_tensor *indices, ct_out out);
int32_t ct_scatter(const ct_tensor *x, int64_t dimension, const ct_tensor *indices, const ct_tensor *source, ct_out out);
int32_t ct_index_copy_(ct_tensor *x, int64_t dimension, const ct_tensor *indices, const ct_tensor *source);
int32_t ct_flip(const ct_tensor *x, ct_sizes dimensions, int32_t count, ct_out out);
int32_t ct_roll(const ct_tensor *x, ct_sizes shifts, ct_sizes dimensions, int32_t count, ct_out out);
int32_t ct_repeat_interleave(const ct_tensor *x, int64_t repeats, int64_t dimension, ct_out out);
int32_t ct_repeat(const ct_tensor *x, ct_sizes repeats, int32_t rank, ct_out out);
int32_t ct_tril(const ct_tensor *x, int64_t diagonal, ct_out out);
int32_t ct_triu(const ct_tensor *x, int64_t diagonal, ct_out out);
int32_t ct_diagonal(const ct_tensor *x, ct_out out);

// --- Neural network (network.cpp) ------------------------------------------------------------
int32_t ct_linear(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *CT_NULLABLE bias, ct_out out);
int32_t ct_embedding(const ct_tensor *indices, const ct_tensor *weight, ct_out out);
int32_t ct_conv2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *CT_NULLABLE bias, int64_t stride,
                  int64_t padding, int64_t groups, ct_out out);
int32_t ct_layer_norm(const ct_tensor *x, ct_sizes shape, int32_t rank, const ct_tensor *CT_NULLABLE weight,
                      const ct_tensor *CT_NULLABLE bias, double epsilon, ct_out out);
int32_t ct_group_norm(const ct_tensor *x, int64_t groups, const ct_tensor *CT_NULLABLE weight,
                      const ct_tensor *CT_NULLABLE bias, double epsilon, ct_out out);
int32_t ct_batch_norm(const ct_tensor *x, const ct_tensor *CT_NULLABLE weight, const ct_tensor *CT_NULLABLE bias,
                      const ct_tensor *CT_NULLABLE running_mean, const ct_tensor *CT_NULLABLE running_variance,
                      bool training, double momentum, double epsilon, ct_out out);
int32_t ct_attention(const ct_tensor *query, const ct_tensor *key, const ct_tensor *value,
                     const ct_tensor *CT_NULLABLE mask, bool causal, ct_out out);
int32_t ct_interpolate_bilinear(const ct_tensor *x, int64_t height, int64_t width, bool antialias, ct_out out);
int32_t ct_interpolate_bicubic(const ct_tensor *x, int64_t height, int64_t width, bool antialias, ct_out out);
int32_t ct_average_pool2d(const ct_tensor *x, int64_t size, int64_t stride, ct_out out);
int32_t ct_cross_entropy(const ct_tensor *logits, const ct_tensor *labels, int32_t reduction, ct_out out);
int32_t ct_smooth_l1(const ct_tensor *x, const ct_tensor *y, double beta, int32_t reduction, ct_out out);
int32_t ct_mse(const ct_tensor *x, const ct_tensor *y, int32_t reduction, ct_out out);

/// By Cholesky's decomposition; fails where the matrix is not positive definite.
int32_t ct_positive_definite_inverse(const ct_tensor *x, ct_out out);
int32_t ct_singular_values(const ct_tensor *x, ct_out out);
int32_t ct_symmetric_eigen(const ct_tensor *x, ct_out values, ct_out vectors);

// --- Autograd (autograd.cpp) -----------------------------------------------------------------
bool ct_requires_grad(const ct_tensor *x);
int32_t ct_set_requires_grad(ct_tensor *x, bool required);
/// The accumulated gradient, or a null handle where there is none.
int32_t ct_gradient(const ct_tensor *x, ct_out out);
int32_t ct_set_gradient(ct_tensor *x, const ct_tensor *CT_NULLABLE gradient);
int32_t ct_backward(const ct_tensor *x, const ct_tensor *CT_NULLABLE gradient);
/// `gradients` gets one handle an input; null where the outputs do not depend on it.
int32_t ct_grad(ct_list outputs, int32_t output_count, ct_tensor *CT_NULLABLE const *CT_NULLABLE output_gradients,
                ct_list inputs, int32_t input_count, bool create_graph, ct_out gradients);
/// Runs `forward(context, x, out)` without a graph and again, with one, in the backward pass. Where that returns a
/// failure, so does whatever ran it.
/// `release(context)` runs when the graph lets go of it.
int32_t ct_checkpoint(const ct_tensor *x, void *context,
                      int32_t (*forward)(void *context, ct_tensor *x, ct_out out),
                      void (*release)(void *context), ct_out out);

// --- Optimizers (optimizer.cpp) --------------------------------------------------------------
int32_t ct_adamw_(ct_list parameters, ct_list gradients, ct_list first_moments,
                  ct_list second_moments, ct_list steps, int32_t count, double learning_rate,
                  double beta1, double beta2, double weight_decay, double epsilon);
/// Euclidean norm over all elements of all tensors, a scalar tensor: nothing is copied to the host.
int32_t ct_global_norm(ct_list tensors, int32_t count, ct_out out);
/// Multiplies every tensor by `factor`, a scalar tensor.
int32_t ct_scale_(ct_list tensors, int32_t count, const ct_tensor *factor);
int32_t ct_lerp_all_(ct_list tensors, ct_list ends, int32_t count, double weight);

// --- Several processes (distributed.cpp) -----------------------------------------------------
/// Where processes find each other, and small values that all of them see.
typedef struct ct_store ct_store;
/// Processes that compute one thing together, connected with each other. Every function on a group must be called by all of
/// them, in the same order; it fails with CT_PEERS_FAILED where one is gone, or has not come after the timeout.
typedef struct ct_group ct_group;

/// Opens a store at `port` (0: any that is free), or connects with the one that is at `host`. Where `is_local`, the one that is
/// opened listens at `host` alone, which is an address of this machine; else on all interfaces.
int32_t ct_store_create(const char *host, int32_t port, bool is_server, bool is_local, const char *prefix,
                        int64_t timeout_ms, ct_store *CT_NULLABLE *CT_NONNULL out);
int32_t ct_store_port(const ct_store *store, int32_t *out);
/// Adds to the number under a key, 0 at first, and gives the sum.
int32_t ct_store_add(ct_store *store, const char *key, int64_t amount, int64_t *out);
void ct_store_free(ct_store *store);

/// Connects with all others, and waits for them. Listens at `host`; null for the address that the machine's name has. The
/// interface that GLOO_SOCKET_IFNAME names goes before both.
int32_t ct_group_create(const ct_store *store, int32_t rank, int32_t size, const char *CT_NULLABLE host, int64_t timeout_ms,
                        ct_group *CT_NULLABLE *CT_NONNULL out);
/// Closes the connections: whatever the others wait for fails.
int32_t ct_group_leave(ct_group *group);
void ct_group_free(ct_group *group);
int32_t ct_group_barrier(ct_group *group);
/// Replaces each tensor by its sum over all processes.
int32_t ct_group_sum_(ct_group *group, ct_list tensors, int32_t count);
/// Replaces each tensor by that of the process `root`.
int32_t ct_group_broadcast_(ct_group *group, ct_list tensors, int32_t count, int32_t root);
/// Gives a tensor to the process `rank`, or fills one with what that gives: of the same shape and type. Only the two of them
/// call these.
int32_t ct_group_send(ct_group *group, const ct_tensor *x, int32_t rank);
int32_t ct_group_receive_(ct_group *group, const ct_tensor *x, int32_t rank);
/// The sum over all processes, through which gradients flow to all of them.
int32_t ct_group_summed(const ct_tensor *x, ct_group *group, ct_out out);
/// `[W, …]`: the tensors of all processes, of one shape. Gradients flow to all of them.
int32_t ct_group_gathered(const ct_tensor *x, ct_group *group, ct_out out);
/// Batch norm by the moments of all processes' items; also gives them, the variance with n - 1.
int32_t ct_group_batch_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, double epsilon,
                            ct_group *group, ct_out out, ct_out mean, ct_out variance);

#ifdef __cplusplus
}
#endif
#ifdef __clang__
#pragma clang assume_nonnull end
#endif
