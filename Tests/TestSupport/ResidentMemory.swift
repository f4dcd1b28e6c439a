#if os(Linux)
  import Foundation

  /// How many bytes from an address on are in memory, in whole pages.
  public func residentBytes(_ address: UInt, count: Int) throws -> Int {
    let page = UInt(getpagesize())
    let pages = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/pagemap"))
    defer { try? pages.close() }
    try pages.seek(toOffset: UInt64(address / page * 8))
    let entries = try pages.read(upToCount: count / Int(page) * 8) ?? Data()
    // Bit 63 of a page's entry says so.
    return stride(from: 7, to: entries.count, by: 8).count { entries[$0] & 0x80 != 0 } * Int(page)
  }
#endif
