import Foundation
import Pictures

/// What was done to make one view, as numbers that a predictor can be told.
///
/// `vector` is, in this order, all of about unit size:
/// 0, 1: the centre of the view's crop, right and down of the shared frame's, in widths and heights
/// of that frame, as the shared frame is seen (mirrored if it is); 2, 3: logarithms of the crop's
/// width and height over the frame's; 4: 1 if mirrored against the shared frame; 5, 6, 7:
/// brightness, contrast and saturation factors less 1; 8: shift of the hue in turns; 9: 1 if grey;
/// 10: blur, standard deviation in pixels; 11: 1 if solarized; 12: noise, standard deviation;
/// 13: erased share; 14: share of cells hidden; 15: 1 if the view has a frame of its own.
public struct ViewParameters: Sendable, Equatable {
  /// Numbers in `vector`.
  public static let width = 16

  public var centerX: Float = 0
  public var centerY: Float = 0
  public var logWidth: Float = 0
  public var logHeight: Float = 0
  public var isMirrored = false
  public var brightness: Float = 1
  public var contrast: Float = 1
  public var saturation: Float = 1
  public var hue: Float = 0
  public var isGrey = false
  public var blur: Float = 0
  public var isSolarized = false
  public var noise: Float = 0
  public var erasedShare: Float = 0
  public var hiddenShare: Float = 0
  public var isLocal = false

  public init() {}

  /// The crop `box`, seen from the frame `shared`.
  mutating func place(_ box: CropBox, mirrored: Bool, in shared: CropBox, sharedMirrored: Bool) {
    let right = box.x + box.width / 2 - (shared.x + shared.width / 2)
    let down = box.y + box.height / 2 - (shared.y + shared.height / 2)
    centerX = Float((sharedMirrored ? -right : right) / shared.width)
    centerY = Float(down / shared.height)
    logWidth = Float(log(box.width / shared.width))
    logHeight = Float(log(box.height / shared.height))
    isMirrored = mirrored != sharedMirrored
  }

  public var vector: [Float] {
    [
      centerX, centerY, logWidth, logHeight, isMirrored ? 1 : 0, brightness - 1, contrast - 1,
      saturation - 1, hue, isGrey ? 1 : 0, blur, isSolarized ? 1 : 0, noise, erasedShare,
      hiddenShare, isLocal ? 1 : 0,
    ]
  }
}
