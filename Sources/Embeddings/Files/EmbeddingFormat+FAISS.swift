import Files
import Torch

extension EmbeddingFormat {
  /// A flat index of FAISS, with the same files beside it as NumPy's array.
  public static let faiss = EmbeddingFormat(
    ending: "faiss",
    note: "a flat index of FAISS, by product with --normalize and by distance without, with the "
      + "same files beside it",
    holdsHalves: false,
    files: { [$0.main(.describedEmbeddings), $0.rowsFile, $0.descriptionFile] },
    writer: { export, paths, description, _ in
      try HeadedArrayWriter(export, paths: paths, description: description) {
        FAISSHeader($0).bytes
      }
    },
    read: { try EmbeddingContents(faiss: $0) })
}

extension EmbeddingContents {
  fileprivate init(faiss paths: EmbeddingPaths) throws {
    let file = try MappedFile(path: paths.output)
    guard let header = FAISSHeader(file.bytes) else {
      throw Self.malformed(
        paths.output, "a flat index of FAISS, whole, by product or distance", "another file")
    }
    // Behind a header of 45 bytes no number is where a processor wants it.
    values = Tensor.empty([header.count, header.width])
    values.withUnsafeMutableBytes {
      $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.bytes[FAISSHeader.byteCount...]))
    }
    description = try Self.description(beside: paths)
    rows = try Self.rows(inList: paths.rows, ofFile: paths.output)
  }
}
