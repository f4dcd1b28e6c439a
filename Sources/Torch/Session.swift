import CTorch

/// What holds for the whole process: libtorch's version, its threads, mixed precision.
public enum Session {
  /// The version of libtorch.
  public static var torchVersion: String { String(cString: ct_torch_version()) }

  /// The number of threads that one operator may use. The loader's threads come on top: they run at low
  /// priority, and take what the operators leave.
  public static var threadCount: Int {
    get { Int(ct_thread_count()) }
    set { Tensor.perform("threadCount") { ct_set_thread_count(Int32(newValue)) } }
  }

  /// Gives back what is free now, and from here on keeps memory that is freed for what is allocated next, instead
  /// of giving it back to the system and asking for it again: for work that goes through the same layers again
  /// and again. Does nothing but on Linux.
  public static func keepFreedMemory() { ct_keep_freed_memory() }

  /// Lets the CPU round numbers too small for full precision to zero; they are slow, and mean nothing
  /// here.
  public static func flushDenormals() { _ = ct_flush_denormals(true) }
}

extension Session {
  /// Lets an accelerator multiply float32 in TF32, and try several algorithms for each convolution once; a CPU
  /// computes as before.
  public static func preferSpeed() { Tensor.perform("preferSpeed") { ct_prefer_speed() } }

  /// How many tensors this thread has sent from the host to a device and back.
  public static var copyCounts: (toDevice: Int, toHost: Int) {
    var (toDevice, toHost) = (Int64(0), Int64(0))
    ct_copy_counts(&toDevice, &toHost)
    return (Int(toDevice), Int(toHost))
  }
}

/// Runs `body` in mixed precision: products and convolutions in `dtype`, the rest as it was.
///
/// Weights stay float32. Only the forward pass belongs inside. Without a `dtype` it just runs `body`.
public func withAutocast<Result>(
  to dtype: DType?, on device: Device, _ body: () throws -> Result
) rethrows -> Result {
  guard let dtype else { return try body() }
  func set(_ enabled: Bool, _ code: Int32) {
    Tensor.perform("autocast") { ct_set_autocast(device.type, enabled, code) }
  }
  var (wasEnabled, before) = (false, Int32(0))
  Tensor.perform("autocast") { ct_autocast(device.type, &wasEnabled, &before) }
  set(true, dtype.rawValue)
  defer { set(wasEnabled, before) }
  return try body()
}
