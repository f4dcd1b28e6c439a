import CTorch
import Foundation
import Testing

/// No C++ exception may reach Swift, where it would end the process without a word.
@Suite struct ShimGuardTests {
  /// Functions that look at a field or set a flag, and throw nothing.
  private static let plain: Set<String> = [
    "ct_last_error", "ct_torch_version", "ct_thread_count", "ct_grad_enabled",
    "ct_set_grad_enabled",
    "ct_keep_freed_memory", "ct_flush_denormals", "ct_event_free", "ct_generator_free", "ct_free",
    "ct_copy_counts", "ct_rank", "ct_size", "ct_stride", "ct_element_count", "ct_dtype",
    "ct_device_type", "ct_device_index", "ct_is_contiguous", "ct_same_storage", "ct_requires_grad",
    "ct_store_free", "ct_group_free",
  ]
  /// Functions that answer without a status, and guard what may throw inside.
  private static let guardedInside: Set<String> = [
    "ct_device_count", "ct_supports_device", "ct_set_last_error",
  ]

  @Test func everyFunctionGoesThroughTheGuard() throws {
    var checked = 0
    for (file, text) in try Self.sources() {
      for match in text.matches(of: #/(?m)^[\w ]+[ *](ct_\w+)\([^;{)]*\)\s*\{\s*([^\n]*)/#) {
        let (name, first) = (String(match.1), match.2)
        checked += 1
        if Self.plain.contains(name) || Self.guardedInside.contains(name) { continue }
        #expect(
          first.contains(#/^return (shim::)?(guarded|produce)\(/#),
          "\(file): \(name) begins \(first)")
      }
      // The operators that a macro defines by their names.
      for match in text.matches(of: #/(?m)^#define DEFINE_\w+\(name\)(?:.*\\\n)*.*$/#) {
        #expect(match.0.contains("return produce(out, [&] {"), "\(match.0)")
      }
    }
    #expect(checked > 100)
  }

  /// Nothing is declared that the check above did not see.
  @Test func everyDeclarationIsDefinedWhereItIsChecked() throws {
    let header = try String(
      contentsOf: Self.folder.appending(path: "include/ctorch.h"), encoding: .utf8)
    let text = try Self.sources().map(\.text).joined()
    let declared = header.matches(of: #/(?m)^[\w ]+[ *](ct_\w+)\(/#).map { String($0.1) }
    #expect(declared.count > 100)
    for name in declared { #expect(text.contains("\(name)("), "\(name)") }
  }

  /// What libtorch refuses comes back as a status with its words.
  @Test func whatLibtorchRefusesIsAStatus() throws {
    let (matrix, wide) = (try tensor([2, 3]), try tensor([4, 5]))
    let index = try tensor([1], filledWith: 9, type: CT_INT64)
    defer { for made in [matrix, wide, index] { ct_free(made) } }
    var out: OpaquePointer?
    var number = 0.0
    let size = Int64(1) << 50
    let calls: [(name: String, status: Int32)] = [
      ("matmul", ct_matmul(matrix, wide, &out)), ("add", ct_add(matrix, wide, &out)),
      ("reshape", ct_reshape(matrix, [5], 1, &out)),
      ("cat", ct_cat([matrix, wide], 2, 0, &out)),
      ("index_select", ct_index_select(matrix, 0, index, &out)),
      ("inverse", ct_positive_definite_inverse(matrix, &out)),
      ("backward", ct_backward(matrix, nil)), ("item", ct_item(matrix, &number)),
      ("a type that is none", ct_empty([1], 1, 999, Int32(CT_CPU), 0, &out)),
      (
        "a device that is not there",
        ct_to(matrix, Int32(CT_FLOAT32), Int32(CT_CUDA), 99, true, &out)
      ),
      ("a petabyte", ct_empty([size], 1, Int32(CT_FLOAT32), Int32(CT_CPU), 0, &out)),
    ]
    for call in calls {
      #expect(call.status != 0, "\(call.name)")
    }
    #expect(out == nil)
    _ = ct_matmul(matrix, wide, &out)
    #expect(String(cString: ct_last_error()).contains("2x3 and 4x5"))
  }

  private func tensor(
    _ shape: [Int64], filledWith value: Double = 1, type: Int = CT_FLOAT32
  ) throws -> OpaquePointer {
    var out: OpaquePointer?
    let status = ct_full(shape, Int32(shape.count), value, Int32(type), Int32(CT_CPU), 0, &out)
    try #require(status == 0)
    return try #require(out)
  }

  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Sources/CTorch")

  private static func sources() throws -> [(name: String, text: String)] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .filter { $0.hasSuffix(".cpp") && $0 != "meta.cpp" }.map {
        ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8))
      }
  }
}
