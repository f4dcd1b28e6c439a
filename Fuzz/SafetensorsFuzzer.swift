// libFuzzer's entry point for the safetensors reader: compiled together with the reader's own files and without
// libtorch (scripts/fuzz). Whatever the bytes are, reading them succeeds or throws; what it says of a file that it
// accepts must be true.

@_cdecl("LLVMFuzzerTestOneInput")
public func readSafetensors(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count >= 2 else { return 0 }
  let input = UnsafeRawBufferPointer(start: data, count: count)
  if input[0] & 1 == 0 {
    // A whole file, its own length included. libFuzzer's buffer ends where the file does.
    check(UnsafeRawBufferPointer(rebasing: input[1...]))
  } else {
    // A header with its right length and some bytes of data: what a mutated length would never let through.
    let header = input[2...]
    let file = UnsafeMutableRawBufferPointer.allocate(
      byteCount: 8 + header.count + Int(input[1]), alignment: 8)
    defer { file.deallocate() }
    file.storeBytes(of: UInt64(header.count).littleEndian, as: UInt64.self)
    UnsafeMutableRawBufferPointer(rebasing: file[8..<8 + header.count]).copyBytes(from: header)
    UnsafeMutableRawBufferPointer(rebasing: file[(8 + header.count)...])
      .initializeMemory(as: UInt8.self, repeating: 0x5A)
    check(UnsafeRawBufferPointer(file))
  }
  return 0
}

/// Reads a file and, where it is accepted, every byte of every tensor.
private func check(_ file: UnsafeRawBufferPointer) {
  guard file.count >= 8 else { return }
  do throws(SafetensorsError) {
    let (entries, _) = try SafetensorsFile.readHeader(file, path: "fuzzed")
    precondition(Set(entries.map(\.name)).count == entries.count, "two tensors of one name")
    var end: Int?
    for entry in entries {
      precondition(entry.byteRange.lowerBound >= 8, "a tensor in the header's length")
      precondition(entry.byteRange.upperBound <= file.count, "a tensor outside the file")
      precondition(end == nil || entry.byteRange.lowerBound == end, "a gap or an overlap")
      precondition(
        entry.dtype.byteCount(ofShape: entry.shape) == entry.byteRange.count, "another size")
      end = entry.byteRange.upperBound
      var sum: UInt64 = 0
      for byte in file[entry.byteRange] { sum &+= UInt64(byte) }
      sink &+= sum
    }
    precondition(end == nil || end == file.count, "bytes that belong to no tensor")
  } catch {
    // The message is part of the reader: it must not trap either.
    sink &+= UInt64(error.description.utf8.count)
  }
}

/// Where sums go, so that no read is optimised away.
nonisolated(unsafe) public var sink: UInt64 = 0
