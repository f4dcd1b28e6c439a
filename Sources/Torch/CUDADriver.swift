#if canImport(Glibc)
  import Glibc
#endif

/// NVIDIA's driver, asked by itself: it tells of GPUs also where libtorch was built without CUDA.
public enum CUDADriver {
  /// One GPU.
  public struct GPU: Sendable, Equatable {
    public let name: String
    /// In bytes.
    public let memory: Int
  }

  /// The greatest CUDA version that the driver serves, such as 13.0; nil without a driver.
  public static var version: String? {
    var version: Int32 = 0
    guard
      let call: (@convention(c) (UnsafeMutablePointer<Int32>) -> Int32) = symbol(
        "cuDriverGetVersion"),
      call(&version) == 0
    else { return nil }
    return "\(version / 1000).\(version % 1000 / 10)"
  }

  /// The GPUs that the driver offers to this process.
  public static var gpus: [GPU] {
    typealias Status = Int32
    guard let start: (@convention(c) (UInt32) -> Status) = symbol("cuInit"),
      let count: (@convention(c) (UnsafeMutablePointer<Int32>) -> Status) = symbol(
        "cuDeviceGetCount"),
      let name: (@convention(c) (UnsafeMutablePointer<CChar>, Int32, Int32) -> Status) = symbol(
        "cuDeviceGetName"),
      let size: (@convention(c) (UnsafeMutablePointer<Int>, Int32) -> Status) = symbol(
        "cuDeviceTotalMem_v2"),
      start(0) == 0
    else { return [] }
    var number: Int32 = 0
    guard count(&number) == 0 else { return [] }
    return (0..<number).map { index in
      var text = [CChar](repeating: 0, count: 256)
      var bytes = 0
      _ = name(&text, Int32(text.count), index)
      _ = size(&bytes, index)
      let letters = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      return GPU(name: String(decoding: letters, as: UTF8.self), memory: bytes)
    }
  }

  private static func symbol<Function>(_ name: String) -> Function? {
    #if os(Linux)
      guard let library = dlopen("libcuda.so.1", RTLD_LAZY), let found = dlsym(library, name) else {
        return nil
      }
      return unsafeBitCast(found, to: Function.self)
    #else
      return nil
    #endif
  }
}
