/// Capitals, digits and a few signs of three by five dots, for the captions of contact sheets.
///
/// Small letters are drawn as capitals, unknown signs as a dot in the middle.
package enum CaptionFont {
  package static let glyphWidth = 3
  package static let glyphHeight = 5

  /// Five rows of three bits, the highest bit on the left.
  package static func rows(of character: Character) -> [UInt8] {
    let upper = character.uppercased().first ?? character
    return glyphs[upper] ?? [0, 0, 0b010, 0, 0]
  }

  private static let glyphs: [Character: [UInt8]] = [
    " ": [0, 0, 0, 0, 0],
    "A": [0b010, 0b101, 0b111, 0b101, 0b101],
    "B": [0b110, 0b101, 0b110, 0b101, 0b110],
    "C": [0b011, 0b100, 0b100, 0b100, 0b011],
    "D": [0b110, 0b101, 0b101, 0b101, 0b110],
    "E": [0b111, 0b100, 0b110, 0b100, 0b111],
    "F": [0b111, 0b100, 0b110, 0b100, 0b100],
    "G": [0b011, 0b100, 0b101, 0b101, 0b011],
    "H": [0b101, 0b101, 0b111, 0b101, 0b101],
    "I": [0b111, 0b010, 0b010, 0b010, 0b111],
    "J": [0b001, 0b001, 0b001, 0b101, 0b010],
    "K": [0b101, 0b101, 0b110, 0b101, 0b101],
    "L": [0b100, 0b100, 0b100, 0b100, 0b111],
    "M": [0b101, 0b111, 0b111, 0b101, 0b101],
    "N": [0b110, 0b101, 0b101, 0b101, 0b101],
    "O": [0b010, 0b101, 0b101, 0b101, 0b010],
    "P": [0b110, 0b101, 0b110, 0b100, 0b100],
    "Q": [0b010, 0b101, 0b101, 0b110, 0b011],
    "R": [0b110, 0b101, 0b110, 0b101, 0b101],
    "S": [0b011, 0b100, 0b010, 0b001, 0b110],
    "T": [0b111, 0b010, 0b010, 0b010, 0b010],
    "U": [0b101, 0b101, 0b101, 0b101, 0b111],
    "V": [0b101, 0b101, 0b101, 0b101, 0b010],
    "W": [0b101, 0b101, 0b111, 0b111, 0b101],
    "X": [0b101, 0b101, 0b010, 0b101, 0b101],
    "Y": [0b101, 0b101, 0b010, 0b010, 0b010],
    "Z": [0b111, 0b001, 0b010, 0b100, 0b111],
    "0": [0b111, 0b101, 0b101, 0b101, 0b111],
    "1": [0b010, 0b110, 0b010, 0b010, 0b111],
    "2": [0b110, 0b001, 0b010, 0b100, 0b111],
    "3": [0b110, 0b001, 0b010, 0b001, 0b110],
    "4": [0b101, 0b101, 0b111, 0b001, 0b001],
    "5": [0b111, 0b100, 0b110, 0b001, 0b110],
    "6": [0b011, 0b100, 0b111, 0b101, 0b111],
    "7": [0b111, 0b001, 0b010, 0b010, 0b010],
    "8": [0b111, 0b101, 0b111, 0b101, 0b111],
    "9": [0b111, 0b101, 0b111, 0b001, 0b110],
    ".": [0, 0, 0, 0, 0b010],
    ",": [0, 0, 0, 0b010, 0b100],
    ":": [0, 0b010, 0, 0b010, 0],
    "-": [0, 0, 0b111, 0, 0],
    "+": [0, 0b010, 0b111, 0b010, 0],
    "=": [0, 0b111, 0, 0b111, 0],
    "_": [0, 0, 0, 0, 0b111],
    "/": [0b001, 0b001, 0b010, 0b100, 0b100],
    "%": [0b101, 0b001, 0b010, 0b100, 0b101],
    "(": [0b001, 0b010, 0b010, 0b010, 0b001],
    ")": [0b100, 0b010, 0b010, 0b010, 0b100],
  ]
}

extension RGBImage {
  /// Writes one line in capitals of `CaptionFont`, its upper left corner at (x, y), cut to `width` pixels.
  ///
  /// - Parameter dot: side of a dot of the font, in pixels.
  package mutating func write(
    _ text: String, x: Int, y: Int, width: Int, dot: Int = 2, _ color: RGBColor
  ) {
    let advance = (CaptionFont.glyphWidth + 1) * dot
    for (index, character) in text.prefix(max(0, width) / advance).enumerated() {
      for (row, bits) in CaptionFont.rows(of: character).enumerated() {
        for column in 0..<CaptionFont.glyphWidth
        where bits >> (CaptionFont.glyphWidth - 1 - column) & 1 == 1 {
          fill(
            x: x + index * advance + column * dot, y: y + row * dot, width: dot, height: dot, color)
        }
      }
    }
  }
}
