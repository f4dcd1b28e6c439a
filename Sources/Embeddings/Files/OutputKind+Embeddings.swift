import Files

extension OutputKind {
  /// A file of embeddings that says itself what made it; an archive says so in its list of members.
  static let embeddings = OutputKind { ends in
    ends.hold("modelSHA256") || ends.hold("embeddings.npy") && ends.hold("description.npy")
  }
  /// A file of embeddings whose description stands beside it.
  static let describedEmbeddings = OutputKind { ends in
    description.isMade(EmbeddingPaths(output: ends.path).description)
  }
  /// The rows beside an array.
  static let rows = OutputKind { ends in
    let line = DelimitedText.rowFields.joined(separator: ",")
    return ends.begin(with: line + "\n") || ends.begin(with: line + "\r\n")
  }
  /// The description beside a file of embeddings.
  static let description = OutputKind(holding: "\"modelSHA256\"")
  /// What an export left out.
  static let skippedList = OutputKind { $0.begin(with: SkippedList.header) }
}
