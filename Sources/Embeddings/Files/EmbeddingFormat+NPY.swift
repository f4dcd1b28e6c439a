import Files
import Torch

extension EmbeddingFormat {
  /// NumPy's array, with the list of its rows and the description beside it.
  public static let npy = EmbeddingFormat(
    ending: "npy", note: "with a .csv file of its rows and a .json file of what made it",
    holdsTokens: true,
    files: { [$0.main(.describedEmbeddings), $0.rowsFile, $0.descriptionFile] },
    writer: { export, paths, description, _ in
      try HeadedArrayWriter(export, paths: paths, description: description) {
        NPYHeader($0).bytes
      }
    },
    read: { try EmbeddingContents(npy: $0) })
}

extension NPYHeader {
  /// The header of embeddings.
  init(_ description: EmbeddingDescription) {
    self.init(type: description.dtype.numpyType, shape: description.shape)
  }
}

extension EmbeddingContents {
  fileprivate init(npy paths: EmbeddingPaths) throws {
    let file = try MappedFile(path: paths.output)
    values = try Self.array(file, in: 0..<file.bytes.count)
    description = try Self.description(beside: paths)
    rows = try Self.rows(inList: paths.rows, ofFile: paths.output)
  }

  /// The floating-point array of a NumPy file in a range of a file.
  static func array(_ file: MappedFile, in range: Range<Int>) throws -> Tensor {
    let (header, data) = try header(file, in: range)
    guard let dtype = EmbeddingDType(numpyType: header.type), header.shape.count >= 2 else {
      throw malformed(
        file.path, "an array of '<f4' or '<f2', [N, D]", "'\(header.type)' \(header.shape)")
    }
    guard data.lowerBound.isMultiple(of: dtype.tensorType.byteCount) else {
      throw malformed(file.path, "aligned numbers", "offset \(data.lowerBound)")
    }
    return file.tensor(in: data, shape: header.shape, dtype: dtype)
  }

  /// The header of a NumPy array, and where its numbers are: exactly as many as it announces.
  static func header(
    _ file: MappedFile, in range: Range<Int>
  ) throws -> (NPYHeader, data: Range<Int>) {
    let header: NPYHeader
    let length: Int
    do throws(NotNumPy) {
      (header, length) = try NPYHeader.parse(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
    } catch {
      throw malformed(file.path, error.expected, error.found)
    }
    let data = range.lowerBound + length..<range.upperBound
    guard let expected = header.dataByteCount, expected == data.count else {
      throw malformed(
        file.path, "'\(header.type)' numbers of shape \(header.shape)",
        "\(data.count) bytes of them")
    }
    return (header, data)
  }
}
