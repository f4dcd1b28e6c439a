import Foundation
import Pictures

/// Which part of the picture a view shows.
public enum ViewFrame: Codable, Sendable, Equatable {
  /// The one crop and flip drawn for the item: all such views show the same.
  case shared
  /// A crop, and a flip with the plan's probability, of its own.
  case own(RandomResizedCrop)

  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    guard let name = try? value.decode(String.self) else {
      self = .own(try value.decode(RandomResizedCrop.self))
      return
    }
    guard name == "shared" else {
      throw DecodingError.dataCorruptedError(
        in: value, debugDescription: "expected \"shared\" or a crop, found \"\(name)\"")
    }
    self = .shared
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .shared: try value.encode("shared")
    case .own(let crop): try value.encode(crop)
    }
  }
}

/// One kind of view: how many of it a picture gives, how large, and how corrupted.
///
/// The corruptions that are set are applied in the order of the properties, which is that of
/// SimCLR, BYOL and DINO; `erase` and `cells` come after normalisation, so that what they clear is
/// the mean colour.
public struct ViewSpecification: Codable, Sendable, Equatable {
  public var name: String
  /// Views of this kind for each picture.
  public var count: Int
  /// Side of the square view in pixels.
  public var size: Int
  public var frame: ViewFrame
  public var colorJitter: ColorJitter?
  public var greyscale: Greyscale?
  public var blur: GaussianBlur?
  public var solarize: Solarize?
  public var noise: Noise?
  public var erase: Erase?
  public var cells: CellMask?

  public init(
    name: String, count: Int = 1, size: Int, frame: ViewFrame = .shared,
    colorJitter: ColorJitter? = nil, greyscale: Greyscale? = nil, blur: GaussianBlur? = nil,
    solarize: Solarize? = nil, noise: Noise? = nil, erase: Erase? = nil, cells: CellMask? = nil
  ) {
    self.name = name
    self.count = count
    self.size = size
    self.frame = frame
    self.colorJitter = colorJitter
    self.greyscale = greyscale
    self.blur = blur
    self.solarize = solarize
    self.noise = noise
    self.erase = erase
    self.cells = cells
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    count = try values.decode(.count, default: 1)
    size = try values.decode(Int.self, forKey: .size)
    frame = try values.decode(.frame, default: .shared)
    colorJitter = try values.decodeIfPresent(ColorJitter.self, forKey: .colorJitter)
    greyscale = try values.decodeIfPresent(Greyscale.self, forKey: .greyscale)
    blur = try values.decodeIfPresent(GaussianBlur.self, forKey: .blur)
    solarize = try values.decodeIfPresent(Solarize.self, forKey: .solarize)
    noise = try values.decodeIfPresent(Noise.self, forKey: .noise)
    erase = try values.decodeIfPresent(Erase.self, forKey: .erase)
    cells = try values.decodeIfPresent(CellMask.self, forKey: .cells)
  }

  /// Cells in the mask of one view; 0 where the view has none.
  public var cellCount: Int { cells?.cellCount(size: size) ?? 0 }

  func validate() throws(ImageError) {
    let owner = "views.\(name)"
    guard count > 0 else {
      throw .invalidSetting(name: "\(owner).count", expected: "at least 1", found: "\(count)")
    }
    guard size > 0 && size <= 4096 else {
      throw .invalidSetting(
        name: "\(owner).size", expected: "1...4096 pixels", found: "\(size)")
    }
    if case .own(let crop) = frame { try crop.validate("\(owner).frame") }
    try colorJitter?.validate("\(owner).colorJitter")
    if let greyscale {
      try Setting.probability(greyscale.probability, "\(owner).greyscale")
    }
    try blur?.validate("\(owner).blur")
    if let solarize { try Setting.probability(solarize.probability, "\(owner).solarize") }
    try noise?.validate("\(owner).noise")
    try erase?.validate("\(owner).erase")
    try cells?.validate(size: size, "\(owner).cells")
  }
}

/// All views that a batch holds, and what they have in common.
public struct ViewPlan: Codable, Sendable, Equatable {
  /// The crop of the shared frame.
  public var sharedCrop: RandomResizedCrop
  /// Flips of the shared frame and of every frame of its own.
  public var flip: HorizontalFlip
  public var filter: ResamplingFilter
  public var normalization: Normalization
  public var views: [ViewSpecification]

  public init(
    sharedCrop: RandomResizedCrop = RandomResizedCrop(scale: 0.4...1),
    flip: HorizontalFlip = HorizontalFlip(), filter: ResamplingFilter = .bicubic,
    normalization: Normalization = .imageNet, views: [ViewSpecification]
  ) {
    self.sharedCrop = sharedCrop
    self.flip = flip
    self.filter = filter
    self.normalization = normalization
    self.views = views
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    sharedCrop = try values.decode(.sharedCrop, default: RandomResizedCrop(scale: 0.4...1))
    flip = try values.decode(.flip, default: HorizontalFlip())
    filter = try values.decode(.filter, default: .bicubic)
    normalization = try values.decode(.normalization, default: .imageNet)
    views = try values.decode([ViewSpecification].self, forKey: .views)
  }

  /// One clean view, for methods that mask tokens rather than pixels.
  public static func clean(size: Int) -> ViewPlan {
    ViewPlan(
      sharedCrop: RandomResizedCrop(scale: 0.3...1),
      views: [ViewSpecification(name: "clean", size: size)])
  }

  /// - Throws: `ImageError.invalidSetting`, naming the setting, what was expected and found.
  public func validate() throws(ImageError) {
    try sharedCrop.validate("sharedCrop")
    try Setting.probability(flip.probability, "flip")
    try normalization.validate()
    guard !views.isEmpty else {
      throw .invalidSetting(name: "views", expected: "at least one view", found: "none")
    }
    for (index, view) in views.enumerated() {
      try view.validate()
      guard !views[..<index].contains(where: { $0.name == view.name }) else {
        throw .invalidSetting(
          name: "views", expected: "names of their own", found: "\"\(view.name)\" twice")
      }
    }
  }
}
