import CImage
import Foundation

/// What the first bytes of a file that is no picture that is read say that it is.
package enum FileSignature {
  /// How many bytes are looked at.
  static let length = 16

  /// The kind with its article, such as "a WebP"; "an unknown kind of file" where nothing fits.
  static func kind(of bytes: UnsafeBufferPointer<UInt8>) -> String {
    let head = Array(bytes.prefix(length))
    for signature in signatures where signature.fits(head) { return signature.kind }
    return isText(head) ? "a text" : unknown
  }

  /// Whether a file that begins so is a picture that is read.
  package static func isPicture(_ head: [UInt8]) -> Bool {
    !head.isEmpty && cimage_sniff(head, head.count) != nil
  }

  private static let unknown = "an unknown kind of file"

  /// The kind of the file at a path, where it is a known one that holds no moving pictures.
  package static func stillKind(ofFile path: String) -> String? {
    guard let head = head(ofFile: path), !head.isEmpty else { return nil }
    let kind = head.withUnsafeBufferPointer { Self.kind(of: $0) }
    return kind == unknown || kind == "a GIF" || kind.hasSuffix(" video") ? nil : kind
  }

  /// The first bytes of a regular file; nil where it cannot be read.
  package static func head(ofFile path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var head = [UInt8](repeating: 0, count: length)
    let count = pread(descriptor, &head, length, 0)
    return count < 0 ? nil : Array(head.prefix(count))
  }

  /// A kind without its article, for counts of several.
  static func name(ofKind kind: String) -> String {
    for article in ["a ", "an "] where kind.hasPrefix(article) {
      return String(kind.dropFirst(article.count))
    }
    return kind
  }

  private struct Signature: Sendable {
    let kind: String
    /// Runs of bytes and where they stand.
    let runs: [(offset: Int, bytes: [UInt8])]

    init(_ kind: String, _ bytes: [UInt8], _ more: (offset: Int, bytes: [UInt8])...) {
      self.kind = kind
      runs = [(0, bytes)] + more
    }

    init(_ kind: String, _ text: String, at offset: Int = 0) {
      self.kind = kind
      runs = [(offset, Array(text.utf8))]
    }

    func fits(_ head: [UInt8]) -> Bool {
      runs.allSatisfy { head.dropFirst($0.offset).starts(with: $0.bytes) }
    }
  }

  /// The first that fits counts: special kinds stand before the general ones that they begin like.
  private static let signatures: [Signature] =
    [
      Signature("a GIF", "GIF8"),
      Signature("a WebP", Array("RIFF".utf8), (8, Array("WEBP".utf8))),
      Signature("an AVI video", Array("RIFF".utf8), (8, Array("AVI ".utf8))),
      Signature("an AVIF", "ftypavi", at: 4),
      Signature("an HEIC", "ftyphe", at: 4),
      Signature("an HEIC", "ftypmif1", at: 4),
      Signature("an HEIC", "ftypmsf1", at: 4),
      Signature("an MP4 video", "ftyp", at: 4),
      Signature("a JPEG XL", [0xFF, 0x0A]),
      Signature("a JPEG XL", [0, 0, 0, 0x0C], (4, Array("JXL ".utf8))),
      Signature("a JPEG 2000", [0, 0, 0, 0x0C], (4, Array("jP  ".utf8))),
      Signature("a JPEG 2000", [0xFF, 0x4F, 0xFF, 0x51]),
      Signature("a Canon raw picture", [0x49, 0x49, 0x2A, 0], (8, Array("CR".utf8))),
      Signature("a TIFF", [0x49, 0x49, 0x2A, 0]),
      Signature("a TIFF", [0x4D, 0x4D, 0, 0x2A]),
      Signature("a TIFF", [0x49, 0x49, 0x2B, 0]),
      Signature("a TIFF", [0x4D, 0x4D, 0, 0x2B]),
      Signature("an ICO", [0, 0, 1, 0]),
      Signature("a BMP", "BM"),
      Signature("a PSD", "8BPS"),
      Signature("an OpenEXR", [0x76, 0x2F, 0x31, 0x01]),
      Signature("a PDF", "%PDF"),
      Signature("an SVG", "<svg"),
      Signature("an XML text", "<?xml"),
      Signature("an HTML page", "<!DOCTYPE html"),
      Signature("an HTML page", "<!doctype html"),
      Signature("an HTML page", "<html"),
      Signature("a Git LFS pointer", "version https://"),
      Signature("a Matroska or WebM video", [0x1A, 0x45, 0xDF, 0xA3]),
      Signature("a ZIP archive", [0x50, 0x4B, 3, 4]),
      Signature("a gzip archive", [0x1F, 0x8B]),
      Signature("a NumPy array", [0x93], (1, Array("NUMPY".utf8))),
    ]
    + "123456".flatMap { digit in
      // Netpbm's formats: the number is ended by white space.
      " \t\r\n".utf8.map { Signature("a PPM", Array("P\(digit)".utf8) + [$0]) }
    }

  /// Printable UTF-8, perhaps with a character cut at the end.
  private static func isText(_ head: [UInt8]) -> Bool {
    guard !head.isEmpty else { return false }
    let controls = head.contains { $0 < 0x20 && ![0x09, 0x0A, 0x0C, 0x0D].contains($0) }
    let cuts = (0...min(3, head.count - 1)).lazy.map { head.dropLast($0) }
    return !controls && cuts.contains { String(validating: $0, as: UTF8.self) != nil }
  }
}
