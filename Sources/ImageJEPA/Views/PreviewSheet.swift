import Files
import Foundation
import Pictures
import TrainingRuns

/// What training would see of some pictures of a folder: originals, every view, and masks.
public struct PreviewSheet: Sendable {
  public var plan: ViewPlan
  /// Multi-block masks to lay over the first view, and the grid they are drawn on.
  public var masks: (mask: MultiBlockMask, grid: TokenGrid)?
  public var decoder: ImageDecoder
  public var seed: UInt64
  /// Pictures, spread evenly over the folder.
  public var pictureCount: Int
  /// Draws of all views for each picture.
  public var drawsPerPicture: Int
  /// Side of a tile in pixels.
  public var tileSize: Int

  public init(
    plan: ViewPlan, masks: (mask: MultiBlockMask, grid: TokenGrid)? = nil,
    decoder: ImageDecoder = ImageDecoder(), seed: UInt64 = 0, pictureCount: Int = 8,
    drawsPerPicture: Int = 1, tileSize: Int = 128
  ) {
    self.plan = plan
    self.masks = masks
    self.decoder = decoder
    self.seed = seed
    self.pictureCount = pictureCount
    self.drawsPerPicture = drawsPerPicture
    self.tileSize = tileSize
  }

  /// Writes the sheet for the pictures below `folder` to a PNG file.
  ///
  /// One row for each picture and draw: the original; the views, named, with what they hide; then
  /// the first view under its mask, the targets in colours, what neither context nor target sees
  /// darkened.
  ///
  /// - Returns: pictures that could not be read and are not on the sheet.
  /// - Throws: `ImageError`: the folder's, the plan's, the mask's, or `.unwritableFile`.
  @discardableResult
  public func write(
    folder path: String, to output: String
  ) throws(ImageError) -> [ImageFailure] {
    let folder = try ImageFolder(path)
    let (sheet, failures) = try draw(folder)
    try sheet.write(toPNG: output)
    return failures
  }

  /// Draws the sheet for the pictures of `folder`.
  ///
  /// - Throws: `ImageError`: the plan's, the mask's, or `.tooFewReadablePictures`.
  public func draw(
    _ folder: ImageFolder
  ) throws(ImageError) -> (image: RGBImage, failures: [ImageFailure]) {
    try plan.validate()
    if let masks { try masks.mask.validate(grid: masks.grid) }
    guard pictureCount > 0, drawsPerPicture > 0, tileSize > 0 else {
      throw .invalidSetting(
        name: "preview", expected: "at least one picture, draw and pixel",
        found: "\(pictureCount), \(drawsPerPicture), \(tileSize)")
    }
    var sheet = ContactSheet(tileSize: tileSize)
    var failures: [ImageFailure] = []
    let renderer = ViewRenderer(plan: plan, decoder: decoder, seed: seed)
    let count = min(pictureCount, folder.count)
    for index in 0..<count {
      let item = index * folder.count / count
      do throws(ImageError) {
        let original = try decoder.decode(
          contentsOf: folder.path(of: item), shortSide: tileSize)
        for draw in 0..<drawsPerPicture {
          sheet.append(row: try row(folder, item, original, draw: draw, renderer))
        }
      } catch {
        failures.append(ImageFailure(path: folder.path(of: item), error: error))
      }
    }
    guard !sheet.rows.isEmpty else {
      throw .tooFewReadablePictures(
        attempts: count, last: failures.last?.error.description ?? "")
    }
    return (sheet.draw(), failures)
  }

  private func row(
    _ folder: ImageFolder, _ item: Int, _ original: RGBImage, draw: Int, _ renderer: ViewRenderer
  ) throws(ImageError) -> [ContactSheet.Tile] {
    let workspace = ImageWorkspace()
    let batch = ViewBatch(plan: plan, folder: folder)
    try batch.prepare(BatchRequest(items: [SampledItem(index: item, epoch: draw)]))
    let bytes = try folder.withFileSystemPath(of: item) { path throws(ImageError) in
      try ImageFile.read(path, name: folder.path(of: item), into: &workspace.file)
    }
    try renderer.render(
      bytes, name: folder.path(of: item), epoch: draw, item: item, attempt: 0,
      to: batch.target(item: 0), workspace: workspace)

    var tiles = [
      ContactSheet.Tile(original, caption: "\(original.width)x\(original.height)")
    ]
    for views in batch.views {
      let size = views.specification.size
      let count = 3 * size * size
      for copy in 0..<views.specification.count {
        let image = RGBImage(
          planes: views.pixels[copy * count..<(copy + 1) * count], width: size, height: size,
          normalization: plan.normalization)
        tiles.append(
          ContactSheet.Tile(
            image, caption: views.specification.name, startsGroup: copy == 0))
      }
    }
    if let masks {
      var generator = SeededGenerator(seed: seed, UInt64(draw), UInt64(item))
      let drawn = masks.mask.draw(itemCount: 1, grid: masks.grid, using: &generator)
      let size = plan.views[0].size
      let clean = RGBImage(
        planes: batch.views[0].pixels[0..<3 * size * size], width: size, height: size,
        normalization: plan.normalization)
      tiles.append(
        ContactSheet.Tile(
          Self.overlay(drawn, grid: masks.grid, on: clean, context: true), caption: "context",
          startsGroup: true))
      tiles.append(
        ContactSheet.Tile(
          Self.overlay(drawn, grid: masks.grid, on: clean, context: false), caption: "targets"))
    }
    return tiles
  }

  private static let targetColors = [
    RGBColor(230, 80, 60), RGBColor(70, 160, 240), RGBColor(250, 190, 50), RGBColor(90, 200, 110),
  ]

  /// The picture with everything but the context darkened, or with its targets coloured.
  private static func overlay(
    _ masks: MultiBlockMask.Batch, grid: TokenGrid, on picture: RGBImage, context: Bool
  ) -> RGBImage {
    var image = picture
    func cover(_ token: Int, _ color: RGBColor, _ opacity: Float) {
      let (row, column) = (token / grid.width, token % grid.width)
      let left = column * image.width / grid.width
      let top = row * image.height / grid.height
      image.fill(
        x: left, y: top, width: (column + 1) * image.width / grid.width - left,
        height: (row + 1) * image.height / grid.height - top, color, opacity: opacity)
    }
    if context {
      let seen = Set(masks.context.map(Int.init))
      for token in 0..<grid.count where !seen.contains(token) { cover(token, .black, 0.85) }
    } else {
      for (index, token) in masks.targets.enumerated() {
        let color = targetColors[index / masks.targetLength % targetColors.count]
        cover(Int(token), color, 0.55)
      }
    }
    return image
  }
}
