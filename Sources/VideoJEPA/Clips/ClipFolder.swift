import Foundation
import Frames
import Pictures

/// The videos and folders of frames below a folder.
public struct ClipFolder: Sendable {
  /// The folder as it was given.
  public let path: String
  /// Files and folders of frames that may be clips, in the order of their names.
  public let paths: [String]

  /// Looks for clips below `path`, which may also be a single video or folder of frames.
  ///
  /// A folder with pictures in it is a clip; any file that is no picture may be one, beside pictures only what is named
  /// like a video.
  ///
  /// - Throws: `FrameError.notFound`, `.unreadable`, `ClipError.noClips`.
  public init(_ path: String) throws {
    self.path = path
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FrameError.notFound(path: path)
    }
    guard isFolder.boolValue else {
      paths = [path]
      return
    }
    var found: [String] = []
    var files = 0
    try Self.walk(path, into: &found, files: &files)
    guard !found.isEmpty else { throw ClipError.noClips(path: path, files: files) }
    paths = found
  }

  private static func walk(
    _ folder: String, into found: inout [String], files: inout Int
  ) throws {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw FrameError.unreadable(path: folder, reason: "the folder cannot be listed")
    }
    var hasPictures = false
    var others: [String] = []
    for name in names.filter({ !$0.hasPrefix(".") }).sorted() {
      let file = "\(folder)/\(name)"
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else { continue }
      if isFolder.boolValue {
        try walk(file, into: &found, files: &files)
        continue
      }
      files += 1
      // A file that cannot even be opened is tried as a video, and its error told.
      if (try? FrameInput.isPicture(file)) == true {
        if !hasPictures { found.append(folder) }
        hasPictures = true
      } else {
        others.append(file)
      }
    }
    found += hasPictures ? others.filter(FrameFolder.isNamedLikeAVideo) : others
  }
}

/// What reading a folder of clips found.
public struct ClipReadingReport: Sendable {
  /// A clip, its frames and where its shots begin beside the first.
  public struct Clip: Sendable {
    public let path: String
    public let frameCount: Int
    public let cuts: [Int]
    /// The first thing of it that could not be decoded; nil where all could.
    public let damage: String?
  }

  public internal(set) var clips: [Clip] = []
  /// What could not be read, with the reason.
  public internal(set) var skipped: [FrameError] = []
  /// Clips that were not read, or not to their end, because memory was full.
  public internal(set) var leftOut: [String] = []
  /// Frames of shots shorter than a window, which nothing is learned from.
  public internal(set) var unusedFrameCount = 0
  /// Frames of the longest of them.
  var longestShot = 0
}

/// Decodes the clips of a folder into a library, shot by shot.
public struct ClipReader {
  private let size: Int
  private let windowLength: Int
  private let byteBudget: Int
  private let isStrict: Bool
  private let decoder: ImageDecoder

  /// - Parameters:
  ///   - size: of the library's frames.
  ///   - windowLength: shots shorter than this are dropped.
  ///   - byteBudget: what all frames may take together.
  ///   - isStrict: whether a clip that cannot be read is an error.
  ///   - decoder: of the pictures of frame folders.
  public init(
    size: Int, windowLength: Int, byteBudget: Int, isStrict: Bool = false,
    decoder: ImageDecoder = ImageDecoder()
  ) {
    self.size = size
    self.windowLength = windowLength
    self.byteBudget = byteBudget
    self.isStrict = isStrict
    self.decoder = decoder
  }

  /// Reads all clips of a folder.
  ///
  /// - Throws: `FrameError` where a clip cannot be read and that is to be an error, or where ffmpeg is
  ///   missing; `ClipError.noClips` where none of the files is a clip, `.noWindows` where all shots are too
  ///   short.
  public func read(
    _ folder: ClipFolder, progress: (ClipReadingReport.Clip) -> Void = { _ in }
  ) throws -> (library: ClipLibrary, report: ClipReadingReport) {
    var library = ClipLibrary(size: size)
    var report = ClipReadingReport()
    for path in folder.paths {
      guard library.byteCount + library.frameBytes * windowLength <= byteBudget else {
        report.leftOut.append(path)
        continue
      }
      do throws(FrameError) {
        let clip = try read(path, into: &library, report: &report)
        report.clips.append(clip)
        progress(clip)
      } catch {
        if case .toolMissing = error { throw error }
        if isStrict { throw error }
        report.skipped.append(error)
      }
    }
    guard !report.clips.isEmpty else {
      if folder.paths.count == 1, let only = report.skipped.first { throw only }
      throw ClipError.noClips(path: folder.path, files: folder.paths.count)
    }
    guard !library.shots.isEmpty else {
      throw ClipError.noWindows(frames: windowLength, longest: report.longestShot)
    }
    return (library, report)
  }

  private func read(
    _ path: String, into library: inout ClipLibrary, report: inout ClipReadingReport
  ) throws(FrameError) -> ClipReadingReport.Clip {
    let source = try FrameInput.open(
      path, options: FrameOptions(shortSide: 2 * size, resizesFrames: true, decoder: decoder))
    let scaler = FrameScaler(size: size)
    let room = (byteBudget - library.byteCount) / library.frameBytes
    var splitter = ShotSplitter()
    var pixels: [UInt8] = []
    var count = 0
    while let frame = try source.next() {
      guard count < room else {
        report.leftOut.append(path)
        break
      }
      let bytes = scaler.bytes(of: frame.image)
      splitter.append(frame.image)
      pixels += bytes
      count += 1
    }
    let damage = source.problems.first.first { $0.kind.isDamage }.map { "\($0)" }
    if isStrict, let damage { throw .unreadable(path: path, reason: damage) }
    let cuts = splitter.finish()
    for (start, end) in zip([0] + cuts, cuts + [count]) {
      guard end - start >= windowLength else {
        report.unusedFrameCount += end - start
        report.longestShot = max(report.longestShot, end - start)
        continue
      }
      library.append(
        pixels: Array(pixels[start * library.frameBytes..<end * library.frameBytes]), path: path,
        firstFrame: start)
    }
    return ClipReadingReport.Clip(path: path, frameCount: count, cuts: cuts, damage: damage)
  }
}
