import Files

/// The rows whose files were changed after they were embedded: what their embeddings say may no longer be true.
///
/// By the time that the file system keeps with a file's contents. Another file that was moved to the same path with an older
/// time is not noticed.
struct ChangedRows {
  private let places: Set<Int>

  /// - Parameter file: what holds the embeddings.
  init(_ rows: OrderedRows, _ files: EqualFiles, since file: String) {
    guard let written = FileIdentity.modificationTime(file) else {
      places = []
      return
    }
    places = Set(
      (0..<rows.count).filter { place in
        rows.isPicture(place) && (files.facts[place]?.modificationTime ?? 0) > written
      })
  }

  var count: Int { places.count }

  func contains(_ place: Int) -> Bool { places.contains(place) }
}
