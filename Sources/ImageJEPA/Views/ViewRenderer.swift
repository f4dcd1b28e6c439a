import Files
import Foundation
import Pictures

/// Makes all views of one picture out of one decode.
struct ViewRenderer: Sendable {
  let plan: ViewPlan
  let decoder: ImageDecoder
  let seed: UInt64

  /// One view: what it shows and what is done to it.
  private struct Draft {
    let kind: Int
    let copy: Int
    let box: CropBox
    let mirrored: Bool
    var generator: SeededGenerator
  }

  /// Decodes `bytes` and writes the views.
  ///
  /// All that is random depends on the seed, `epoch`, `item`, `attempt` and the view alone.
  func render(
    _ bytes: UnsafeBufferPointer<UInt8>, name: @autoclosure () -> String, epoch: Int, item: Int,
    attempt: Int, to target: ViewTarget, workspace: ImageWorkspace
  ) throws(ImageError) {
    let header = try decoder.header(bytes, name: name())
    let counters = (UInt64(epoch), UInt64(item), UInt64(attempt))
    var generator = SeededGenerator(seed: seed, counters.0, counters.1, counters.2)
    let shared = plan.sharedCrop.draw(
      width: header.width, height: header.height, using: &generator)
    let sharedMirrored = plan.flip.draw(using: &generator)

    var drafts: [Draft] = []
    for (kind, view) in plan.views.enumerated() {
      for copy in 0..<view.count {
        var generator = SeededGenerator(
          seed: seed, counters.0, counters.1, counters.2, UInt64(kind + 1), UInt64(copy))
        var (box, mirrored) = (shared, sharedMirrored)
        if case .own(let crop) = view.frame {
          box = crop.draw(width: header.width, height: header.height, using: &generator)
          mirrored = plan.flip.draw(using: &generator)
        }
        drafts.append(
          Draft(kind: kind, copy: copy, box: box, mirrored: mirrored, generator: generator))
      }
    }

    let crops = drafts.map { draft in
      let size = plan.views[draft.kind].size
      return (box: draft.box, width: size, height: size)
    }
    let eighths = ImageDecoder.scaleInEighths(for: header, crops: crops)
    let region = try decoder.decode(
      bytes, header: header, name: name(), scaleInEighths: eighths, covering: drafts.map(\.box),
      margin: Self.margin(crops, eighths: eighths, filter: plan.filter), workspace: workspace)

    var kept: (size: Int, pixels: UnsafeMutablePointer<Float>)?
    for var draft in drafts {
      let view = plan.views[draft.kind]
      let row = target.row + draft.copy * target.rowsPerCopy
      let count = 3 * view.size * view.size
      let pixels = PixelPlanes(
        target.pixels[draft.kind] + row * count, width: view.size, height: view.size)
      if view.frame == .shared, let kept, kept.size == view.size {
        pixels.base.update(from: kept.pixels, count: count)
      } else {
        workspace.resampler.resample(
          region.pixels, sourceWidth: region.width, sourceHeight: region.height,
          box: region.box(draft.box), to: pixels.base, width: view.size, height: view.size,
          filter: plan.filter, mirrored: draft.mirrored)
        if view.frame == .shared, kept == nil {
          kept = keep(pixels.base, size: view.size, workspace).map { (view.size, $0) }
        }
      }
      var parameters = ViewParameters()
      parameters.place(
        draft.box, mirrored: draft.mirrored, in: shared, sharedMirrored: sharedMirrored)
      parameters.isLocal = view.frame != .shared
      let mask = target.masks[draft.kind] + row * view.cellCount
      corrupt(pixels, as: view, mask: mask, &parameters, using: &draft.generator)
      let vector = target.parameters[draft.kind] + row * ViewParameters.width
      for (index, value) in parameters.vector.enumerated() { vector[index] = value }
    }
  }

  /// Copies a shared frame aside before it is corrupted, where another view of its size shows it
  /// too; of one size only, the first.
  private func keep(
    _ pixels: UnsafeMutablePointer<Float>, size: Int, _ workspace: ImageWorkspace
  ) -> UnsafeMutablePointer<Float>? {
    let uses = plan.views.reduce(0) {
      $0 + ($1.frame == .shared && $1.size == size ? $1.count : 0)
    }
    guard uses > 1 else { return nil }
    let copy = workspace.planes.reserve(3 * size * size)
    copy.update(from: pixels, count: 3 * size * size)
    return copy
  }

  /// How many decoded pixels around the crops the filter reaches, at most.
  private static func margin(
    _ crops: [(box: CropBox, width: Int, height: Int)], eighths: Int, filter: ResamplingFilter
  ) -> Double {
    var shrinking = 1.0
    for crop in crops {
      let scale = Double(eighths) / 8
      shrinking = max(
        shrinking, crop.box.width * scale / Double(crop.width),
        crop.box.height * scale / Double(crop.height))
    }
    return filter.support * shrinking + 1
  }

  private func corrupt(
    _ pixels: PixelPlanes, as view: ViewSpecification, mask: UnsafeMutablePointer<UInt8>,
    _ parameters: inout ViewParameters, using generator: inout SeededGenerator
  ) {
    if let change = view.colorJitter?.draw(using: &generator) {
      change.apply(to: pixels)
      parameters.brightness = change.brightness
      parameters.contrast = change.contrast
      parameters.saturation = change.saturation
      parameters.hue = change.hue
    }
    if let greyscale = view.greyscale, greyscale.draw(using: &generator) {
      Greyscale.apply(to: pixels)
      parameters.isGrey = true
    }
    if let sigma = view.blur?.draw(using: &generator) {
      GaussianBlur.apply(sigma: sigma, to: pixels)
      parameters.blur = sigma
    }
    if let solarize = view.solarize, solarize.draw(using: &generator) {
      solarize.apply(to: pixels)
      parameters.isSolarized = true
    }
    if let strength = view.noise?.draw(using: &generator) {
      Noise.apply(strength: strength, to: pixels, using: &generator)
      parameters.noise = strength
    }
    plan.normalization.apply(to: pixels)
    if let rectangle = view.erase?.draw(width: view.size, height: view.size, using: &generator) {
      Erase.apply(rectangle, to: pixels)
      parameters.erasedShare =
        Float(rectangle.width * rectangle.height) / Float(pixels.planeCount)
    }
    if let cells = view.cells {
      cells.draw(size: view.size, into: mask, using: &generator)
      cells.apply(mask, to: pixels)
      parameters.hiddenShare =
        1 - Float(cells.keptCount(size: view.size)) / Float(view.cellCount)
    }
  }
}
