import CTorch

// Operators on each element. Shapes broadcast as in NumPy.

extension Tensor {
  public static func + (left: Tensor, right: Tensor) -> Tensor {
    make("add", left, right) { ct_add(left.handle, right.handle, $0) }
  }
  public static func - (left: Tensor, right: Tensor) -> Tensor {
    make("subtract", left, right) { ct_sub(left.handle, right.handle, $0) }
  }
  public static func * (left: Tensor, right: Tensor) -> Tensor {
    make("multiply", left, right) { ct_mul(left.handle, right.handle, $0) }
  }
  public static func / (left: Tensor, right: Tensor) -> Tensor {
    make("divide", left, right) { ct_div(left.handle, right.handle, $0) }
  }
  public static func + (left: Tensor, right: Double) -> Tensor {
    make("add", left) { ct_add_scalar(left.handle, right, $0) }
  }
  public static func - (left: Tensor, right: Double) -> Tensor { left + (-right) }
  public static func * (left: Tensor, right: Double) -> Tensor {
    make("multiply", left) { ct_mul_scalar(left.handle, right, $0) }
  }
  public static func / (left: Tensor, right: Double) -> Tensor {
    make("divide", left) { ct_div_scalar(left.handle, right, $0) }
  }
  public static func + (left: Double, right: Tensor) -> Tensor { right + left }
  public static func - (left: Double, right: Tensor) -> Tensor { -right + left }
  public static func * (left: Double, right: Tensor) -> Tensor { right * left }
  public static func / (left: Double, right: Tensor) -> Tensor { right.reciprocal() * left }
  public static prefix func - (x: Tensor) -> Tensor { make("negate", x) { ct_neg(x.handle, $0) } }

  // MARK: Comparisons: tensors of bool

  public static func .== (left: Tensor, right: Tensor) -> Tensor {
    make("equal", left, right) { ct_eq(left.handle, right.handle, $0) }
  }
  public static func .!= (left: Tensor, right: Tensor) -> Tensor {
    make("notEqual", left, right) { ct_ne(left.handle, right.handle, $0) }
  }
  public static func .< (left: Tensor, right: Tensor) -> Tensor {
    make("less", left, right) { ct_lt(left.handle, right.handle, $0) }
  }
  public static func .<= (left: Tensor, right: Tensor) -> Tensor {
    make("lessOrEqual", left, right) { ct_le(left.handle, right.handle, $0) }
  }
  public static func .> (left: Tensor, right: Tensor) -> Tensor {
    make("greater", left, right) { ct_gt(left.handle, right.handle, $0) }
  }
  public static func .>= (left: Tensor, right: Tensor) -> Tensor {
    make("greaterOrEqual", left, right) { ct_ge(left.handle, right.handle, $0) }
  }
  public static func .== (left: Tensor, right: Double) -> Tensor {
    make("equal", left) { ct_eq_scalar(left.handle, right, $0) }
  }
  public static func .< (left: Tensor, right: Double) -> Tensor {
    make("less", left) { ct_lt_scalar(left.handle, right, $0) }
  }
  public static func .<= (left: Tensor, right: Double) -> Tensor {
    make("lessOrEqual", left) { ct_le_scalar(left.handle, right, $0) }
  }
  public static func .> (left: Tensor, right: Double) -> Tensor {
    make("greater", left) { ct_gt_scalar(left.handle, right, $0) }
  }
  public static func .>= (left: Tensor, right: Double) -> Tensor {
    make("greaterOrEqual", left) { ct_ge_scalar(left.handle, right, $0) }
  }
  public static func .& (left: Tensor, right: Tensor) -> Tensor {
    make("and", left, right) { ct_logical_and(left.handle, right.handle, $0) }
  }
  public static func .| (left: Tensor, right: Tensor) -> Tensor {
    make("or", left, right) { ct_logical_or(left.handle, right.handle, $0) }
  }
  public static prefix func .! (x: Tensor) -> Tensor {
    make("not", x) { ct_logical_not(x.handle, $0) }
  }

  // MARK: Functions of one tensor

  public func abs() -> Tensor { Tensor.make("abs", self) { ct_abs(handle, $0) } }
  public func sign() -> Tensor { Tensor.make("sign", self) { ct_sign(handle, $0) } }
  public func exp() -> Tensor { Tensor.make("exp", self) { ct_exp(handle, $0) } }
  public func log() -> Tensor { Tensor.make("log", self) { ct_log(handle, $0) } }
  public func log1p() -> Tensor { Tensor.make("log1p", self) { ct_log1p(handle, $0) } }
  public func expm1() -> Tensor { Tensor.make("expm1", self) { ct_expm1(handle, $0) } }
  public func sqrt() -> Tensor { Tensor.make("sqrt", self) { ct_sqrt(handle, $0) } }
  public func rsqrt() -> Tensor { Tensor.make("rsqrt", self) { ct_rsqrt(handle, $0) } }
  public func squared() -> Tensor { Tensor.make("squared", self) { ct_square(handle, $0) } }
  public func reciprocal() -> Tensor {
    Tensor.make("reciprocal", self) { ct_reciprocal(handle, $0) }
  }
  public func sin() -> Tensor { Tensor.make("sin", self) { ct_sin(handle, $0) } }
  public func cos() -> Tensor { Tensor.make("cos", self) { ct_cos(handle, $0) } }
  public func tanh() -> Tensor { Tensor.make("tanh", self) { ct_tanh(handle, $0) } }
  public func sigmoid() -> Tensor { Tensor.make("sigmoid", self) { ct_sigmoid(handle, $0) } }
  public func logSigmoid() -> Tensor {
    Tensor.make("logSigmoid", self) { ct_log_sigmoid(handle, $0) }
  }
  public func relu() -> Tensor { Tensor.make("relu", self) { ct_relu(handle, $0) } }
  public func silu() -> Tensor { Tensor.make("silu", self) { ct_silu(handle, $0) } }
  public func softplus() -> Tensor { Tensor.make("softplus", self) { ct_softplus(handle, $0) } }
  public func erf() -> Tensor { Tensor.make("erf", self) { ct_erf(handle, $0) } }
  public func floor() -> Tensor { Tensor.make("floor", self) { ct_floor(handle, $0) } }
  public func ceil() -> Tensor { Tensor.make("ceil", self) { ct_ceil(handle, $0) } }
  public func rounded() -> Tensor { Tensor.make("rounded", self) { ct_round(handle, $0) } }
  public func isFinite() -> Tensor { Tensor.make("isFinite", self) { ct_isfinite(handle, $0) } }
  public func isNaN() -> Tensor { Tensor.make("isNaN", self) { ct_isnan(handle, $0) } }

  /// The Gaussian error linear unit, exact or with the tanh approximation.
  public func gelu(tanhApproximation: Bool = false) -> Tensor {
    Tensor.make("gelu", self) { ct_gelu(handle, tanhApproximation, $0) }
  }

  public func raised(to exponent: Double) -> Tensor {
    Tensor.make("raised", self) { ct_pow_scalar(handle, exponent, $0) }
  }

  public func raised(to exponent: Tensor) -> Tensor {
    Tensor.make("raised", self, exponent) { ct_pow(handle, exponent.handle, $0) }
  }

  public func remainder(dividingBy divisor: Double) -> Tensor {
    Tensor.make("remainder", self) { ct_remainder_scalar(handle, divisor, $0) }
  }

  public func clamped(to range: ClosedRange<Double>) -> Tensor {
    Tensor.make("clamped", self) { ct_clamp(handle, range.lowerBound, range.upperBound, $0) }
  }

  // MARK: Functions of several tensors

  public func maximum(_ other: Tensor) -> Tensor {
    Tensor.make("maximum", self, other) { ct_maximum(handle, other.handle, $0) }
  }

  public func minimum(_ other: Tensor) -> Tensor {
    Tensor.make("minimum", self, other) { ct_minimum(handle, other.handle, $0) }
  }

  /// `self` where `condition` holds, `other` elsewhere.
  public func choose(where condition: Tensor, else other: Tensor) -> Tensor {
    Tensor.make("choose", condition, self, other) {
      ct_where(condition.handle, handle, other.handle, $0)
    }
  }

  /// `value` where `mask` holds, `self` elsewhere.
  public func filled(with value: Double, where mask: Tensor) -> Tensor {
    Tensor.make("filled", self, mask) { ct_masked_fill(handle, mask.handle, value, $0) }
  }

  /// `self + weight * (end - self)`.
  public func lerp(to end: Tensor, weight: Double) -> Tensor {
    Tensor.make("lerp", self, end) { ct_lerp(handle, end.handle, weight, $0) }
  }

  /// The matrix product over the last two dimensions, batched over the others.
  public func matmul(_ other: Tensor) -> Tensor {
    Tensor.make("matmul", self, other) { ct_matmul(handle, other.handle, $0) }
  }
}

infix operator .& : LogicalConjunctionPrecedence
infix operator .| : LogicalDisjunctionPrecedence
prefix operator .!
