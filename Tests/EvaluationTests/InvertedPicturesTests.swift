import Foundation
import TestSupport
import Testing
import Torch

@testable import Evaluation
@testable import ImageJEPA

/// The sheet of inversions, where the command line cannot get at it.
@Suite struct InvertedPicturesTests {
  @Test func weightsThatAreNotNumbersAreNamedWithThePicture() throws {
    let (pictures, tiny, output) = (try ColouredShapes(1), try TinyModel(), try OutputFolder())
    withoutGradient { tiny.model.encoder.parameters[0].tensor.assign(.nan) }
    var settings = PictureInversion.Settings()
    settings.steps = 1
    let picture = "\(pictures.path)/discs/0.png"
    #expect {
      _ = try InvertedPictures(model: tiny.model)
        .write([picture], settings: settings, to: output("kept.png"))
    } throws: { error in
      "\(error)" == "the energy of \(picture): item 0 is not a number"
    }
    #expect(try output.names == [])
  }
}
