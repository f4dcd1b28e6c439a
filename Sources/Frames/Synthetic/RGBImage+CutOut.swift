import Pictures

extension RGBImage {
  /// The picture with a thing drawn over it.
  ///
  /// - Parameters:
  ///   - cutOut: the thing.
  ///   - x: the thing's middle, in pixels from the left; it may lie outside.
  ///   - y: the thing's middle, in pixels from the top.
  ///   - scale: pixels of this picture for each pixel of the cut-out.
  ///   - angle: in radians, clockwise.
  ///   - opacity: 0...1.
  public func with(
    _ cutOut: CutOut, x: Float, y: Float, scale: Float, angle: Float = 0, opacity: Float = 1
  ) -> RGBImage {
    var canvas = Canvas(self)
    canvas.draw(cutOut, x: x, y: y, scale: scale, angle: angle, opacity: opacity)
    return canvas.image
  }

  /// The picture in another light: colours times `gain`, then normal noise of `noise` grey levels
  /// (standard deviation), the same in all colours and fixed by `seed` and `frame`.
  public func exposed(
    gain: SIMD3<Float> = SIMD3(repeating: 1), noise: Float = 0, seed: UInt64 = 0, frame: Int = 0
  ) -> RGBImage {
    var canvas = Canvas(self)
    canvas.expose(gain: gain, noise: noise, seed: seed, frame: frame)
    return canvas.image
  }
}
