import TestSupport
import Testing
import TrainingRuns

@testable import ImageJEPA
@testable import Pictures

/// The defaults must train whatever the size of the pictures.
@Suite struct DefaultViewsTests {
  @Test(arguments: EncoderPreset.allCases, MethodName.allCases)
  func everyPresetAndMethodFitsEveryUsualSize(preset: EncoderPreset, method: MethodName) throws {
    let pictures = try ColouredShapes(2)
    let folder = try ImageFolder(pictures.path)
    for size in [nil, 32, 48, 56, 64, 96, 112, 128, 224] {
      var configuration = ImageTrainingConfiguration()
      configuration.imageSize = size
      configuration.encoder.preset = preset
      configuration.method.name = method
      // Some sizes are no multiple of some tokens; that is said, and has a test of its own.
      if let size, size % configuration.encoder.resolvedPatchSize(imageSize: size) != 0 { continue }
      let resolved = try configuration.resolved(for: folder)
      let size = try #require(resolved.imageSize)
      let patch = try #require(resolved.encoder.patchSize)
      let views = try #require(resolved.views)
      for view in views.views { #expect(view.size % patch == 0 && view.size > 0) }
      if let cells = views.views.compactMap(\.cells).first {
        #expect(cells.cellSize % patch == 0 && size % cells.cellSize == 0)
        #expect(cells.keptCount(size: size) < cells.cellCount(size: size))
      }
    }
  }
}
