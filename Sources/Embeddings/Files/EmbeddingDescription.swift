import Foundation
import Pictures
import Torch

/// How a picture becomes what is exported.
public struct EmbeddingSettings: Codable, Equatable, Sendable {
  public var pooling = Pooling.mean
  /// Which layer's tokens: -1 is the encoder's output, its last norm included; -2 what the last block but
  /// one leaves, and so on; from the front 1 is the first block.
  public var layer = -1
  /// Whether each embedding is divided by its length.
  public var isNormalized = false
  /// What the written numbers are kept in.
  public var dtype = EmbeddingDType.float32
  /// What the encoder's products are computed in.
  public var arithmetic = EmbeddingArithmetic.float32

  public init() {}
}

/// What an encoder computes in; weights and sums stay float32.
public enum EmbeddingArithmetic: String, Codable, Sendable, CaseIterable {
  case float32
  /// For processors that multiply it; an embedding is off by less than 3 % of its greatest number.
  case bfloat16
}

/// The numbers of an embedding file.
public enum EmbeddingDType: String, Codable, Sendable, CaseIterable {
  case float32
  case float16

  /// The tensors' type of such numbers.
  var tensorType: DType { self == .float32 ? .float32 : .float16 }
}

/// What every embedding file says of itself: which weights made it, and how.
public struct EmbeddingDescription: Codable, Equatable, Sendable {
  /// The version of the program that wrote it.
  public var version: String
  /// SHA-256 of the file of weights, 64 hexadecimal digits.
  public var modelSHA256: String
  /// The folder that the weights were in, from the root.
  public var checkpoint: String
  /// The encoder's type and width.
  public var encoder: String
  /// The side of the square picture that the encoder saw, in pixels.
  public var imageSize: Int
  public var pooling: Pooling
  public var layer: Int
  public var isNormalized: Bool
  public var dtype: EmbeddingDType
  public var arithmetic: EmbeddingArithmetic
  /// `[N, D]`, or `[N, patches, D]` without pooling.
  public var shape: [Int]

  /// How the embeddings were made.
  public var settings: EmbeddingSettings {
    var settings = EmbeddingSettings()
    settings.pooling = pooling
    settings.layer = layer
    settings.isNormalized = isNormalized
    settings.dtype = dtype
    settings.arithmetic = arithmetic
    return settings
  }

  enum CodingKeys: String, CodingKey, CaseIterable {
    case version, modelSHA256, checkpoint, encoder, imageSize, pooling, layer
    case isNormalized = "normalized"
    case dtype
    case arithmetic = "precision"
    case shape
  }

  /// The description as strings, by the names that it has in files.
  var fields: [String: String] {
    [
      "version": version, "modelSHA256": modelSHA256, "checkpoint": checkpoint,
      "encoder": encoder, "imageSize": "\(imageSize)", "pooling": pooling.rawValue,
      "layer": "\(layer)", "normalized": "\(isNormalized)", "dtype": dtype.rawValue,
      "precision": arithmetic.rawValue,
    ]
  }

  /// The description in one line of JSON with sorted keys.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

/// What a row of an embedding file is the embedding of.
public struct EmbeddingRow: Equatable, Sendable {
  public let path: String
  /// The class's name; nil where there is none.
  public let label: String?
  /// The place in a video, from 0; nil for a picture.
  public let frame: Int?
  /// When the frame is shown; nil for a picture.
  public let seconds: Double?

  public init(path: String, label: String? = nil, frame: Int? = nil, seconds: Double? = nil) {
    self.path = path
    self.label = label
    self.frame = frame
    self.seconds = seconds
  }

  init(_ entry: ImageEntry) {
    self.init(
      path: entry.path, label: entry.label, frame: entry.frame, seconds: entry.seconds)
  }

  /// The path, and for a frame of a video which one.
  public var name: String { frame.map { "\(path)#\($0)" } ?? path }
}
