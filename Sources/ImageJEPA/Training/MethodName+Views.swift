import Pictures
import Torch
import TrainingRuns

extension MethodName {
  /// The views that the method trains on when the configuration names none.
  ///
  /// Local views are half as large, in whole tokens; cells hide squares of about a quarter of the side, each
  /// of whole tokens, so that they fit any grid.
  ///
  /// - Parameters:
  ///   - imageSize: the side of the pictures, in pixels.
  ///   - patchSize: pixels a side of a token; it divides `imageSize`.
  public func defaultViews(imageSize: Int, patchSize: Int) -> ViewPlan {
    let side = imageSize / patchSize
    let cellSide = (1...max(1, side / 4)).last { side % $0 == 0 } ?? 1
    let jitter = ColorJitter(
      probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1)
    let grey = Greyscale(probability: 0.2)
    let local = ViewSpecification(
      name: "local", count: 4, size: max(1, side / 2) * patchSize,
      frame: .own(RandomResizedCrop(scale: 0.1...0.4)), colorJitter: jitter, greyscale: grey)
    switch self {
    case .views:
      return ViewPlan(views: [
        ViewSpecification(name: "clean", size: imageSize, colorJitter: jitter, greyscale: grey),
        ViewSpecification(
          name: "masked", size: imageSize, colorJitter: jitter, greyscale: grey,
          cells: CellMask(keep: 0.6, cellSize: cellSide * patchSize)),
        local,
      ])
    case .lejepa:
      return ViewPlan(views: [
        ViewSpecification(name: "global", size: imageSize, colorJitter: jitter, greyscale: grey),
        local,
      ])
    case .masks, .ijepa:
      return ViewPlan.clean(size: imageSize)
    }
  }

  /// The names of the views that the method reads.
  var viewNames: [String] {
    switch self {
    case .views: ["clean", "masked", "local"]
    case .lejepa: ["global", "local"]
    case .masks, .ijepa: ["clean"]
    }
  }

  /// Checks that a plan has the views that the method reads, and that masks fit the grid.
  func checkViews(_ plan: ViewPlan?, imageSize: Int, grid: TokenGrid) throws {
    guard let plan else { return }
    let found = plan.views.map(\.name)
    for name in viewNames where !found.contains(name) {
      throw RunError.invalidValue(
        path: "views",
        reason: "method \(rawValue) needs views named \(viewNames.joined(separator: ", ")), "
          + "found \(found.joined(separator: ", "))")
    }
    for view in plan.views where ["clean", "masked"].contains(view.name) {
      guard view.count == 1, view.frame == .shared, view.size == imageSize else {
        throw RunError.invalidValue(
          path: "views",
          reason: "the \(view.name) view shows the shared frame once at \(imageSize) pixels; found "
            + "\(view.count) at \(view.size)\(view.frame == .shared ? "" : ", with crops of its own")"
        )
      }
    }
    guard self == .views, let masked = plan.views.first(where: { $0.name == "masked" }) else {
      return
    }
    guard let cells = masked.cells else {
      throw RunError.invalidValue(path: "views", reason: "the masked view needs cells to hide")
    }
    let side = cells.side(size: masked.size)
    guard side > 0, side % grid.height == 0 || grid.height % side == 0 else {
      throw RunError.invalidValue(
        path: "views",
        reason: "\(side) cells a side do not fit a grid of \(grid.height) tokens a side")
    }
    let hidden = cells.cellCount(size: masked.size) - cells.keptCount(size: masked.size)
    guard hidden > 0 else {
      throw RunError.invalidValue(
        path: "views", reason: "masked views that keep \(cells.keep) of the cells hide none")
    }
  }
}

extension ImageTrainingConfiguration {
  /// The encoder and the method of a resolved configuration, with fresh weights.
  ///
  /// - Throws: `RunError.invalidValue`.
  public func makeMethod(using generator: RandomGenerator) throws -> any TrainingMethod {
    guard let imageSize else {
      preconditionFailure("a method is made from a resolved configuration")
    }
    let made = try encoder.makeEncoder(imageSize: imageSize, using: generator)
    switch method.name {
    case .views:
      let cells = views?.views.first { $0.name == "masked" }?.cells
      return ViewsMethod(
        encoder: made, imageSize: imageSize,
        cells: cells ?? CellMask(keep: 0.6, cellSize: made.stride), configuration: method,
        using: generator)
    case .lejepa:
      return LeJEPAMethod(encoder: made, configuration: method, using: generator)
    case .masks:
      return MasksMethod(
        encoder: made, imageSize: imageSize, configuration: method, using: generator)
    case .ijepa:
      return IJEPAMethod(
        encoder: made, copy: try encoder.makeEncoder(imageSize: imageSize, using: generator),
        imageSize: imageSize, configuration: method, using: generator)
    }
  }
}

extension ImageTrainingConfiguration {
  /// What `jepa preview` draws for a resolved configuration.
  public func previewSheet(pictureCount: Int) -> PreviewSheet {
    guard let imageSize, let views, let patchSize = encoder.patchSize else {
      preconditionFailure("a preview of a configuration that is not resolved")
    }
    let side = imageSize / patchSize
    let grid = TokenGrid(height: side, width: side)
    return PreviewSheet(
      plan: views, masks: method.name.viewNames == ["clean"] ? (method.blocks, grid) : nil,
      decoder: decoder, seed: seed, pictureCount: pictureCount)
  }
}
