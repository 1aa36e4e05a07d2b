import Files
import Foundation

/// How positions become angles: base, rotated part of a head, and what stretches the context.
struct RotarySettings: Sendable, Equatable, Codable {
  enum Scaling: Sendable, Equatable, Codable {
    case none
    /// Positions are divided by the factor.
    case linear(factor: Double)
    /// Llama 3.1: low frequencies are divided by the factor, high ones kept, those between mixed.
    case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, original: Int)
    /// Peng et al., arXiv 2309.00071.
    case yarn(
      factor: Double, betaFast: Double, betaSlow: Double, original: Int, attentionFactor: Double,
      truncates: Bool)
  }

  var theta: Double
  /// How many of a head's values are rotated.
  var rotated: Int
  var scaling: Scaling
}

extension RotarySettings {
  /// A setting's name in either format, and its value where a file leaves it out.
  struct Key {
    var huggingFace: String
    var gguf: String?
    var value: Double

    static func theta(_ value: Double = 10_000) -> Key {
      Key(huggingFace: "rope_theta", gguf: "rope.freq_base", value: value)
    }
  }

  /// Reads `rope_parameters` or `rope_scaling` with what stands beside them, or the `rope.*` metadata.
  /// - Parameter part: which share of a head is rotated; nil where the architecture rotates all.
  init(
    _ settings: Settings, _ shape: ModelShape, theta: Key = .theta(), part: Key? = nil
  ) throws {
    // A file with both has one left unread, which is an error.
    try self.init(
      settings, shape, theta: theta, part: part,
      parameters: settings.inner("rope_parameters") ?? settings.inner("rope_scaling"))
  }

  /// - Parameter parameters: what applies to the layers that this is for.
  init(
    _ settings: Settings, _ shape: ModelShape, theta base: Key, part: Key? = nil,
    parameters: Settings?
  ) throws {
    func value(_ key: Key, inside name: String) throws -> Double {
      let outer = try settings.number(key.huggingFace, key.gguf, default: key.value)
      return try parameters?.number(name, nil, default: outer) ?? outer
    }
    theta = try value(base, inside: "rope_theta")
    let whole = Key(huggingFace: "partial_rotary_factor", gguf: nil, value: 1)
    let share = try value(part ?? whole, inside: "partial_rotary_factor")
    guard theta > 0, share > 0, share <= 1 else {
      throw settings.error(
        .outOfRange, "rotary embedding", "its base is not positive or its part not from 0 to 1",
        "the file is damaged: fetch it again")
    }
    rotated = try settings.count(
      "", "rope.dimension_count",
      default: settings.isGGUF ? shape.dHead : Int(Double(shape.dHead) * share))
    guard rotated >= 2, rotated % 2 == 0,
      part == nil ? rotated == shape.dHead : rotated <= shape.dHead
    else {
      throw settings.error(
        .outOfRange, "rotary embedding",
        "\(rotated) of \(shape.dHead) values of a head cannot be rotated in this architecture",
        "check that the file's architecture is the one it claims")
    }
    if settings.isGGUF {
      scaling = try Scaling(gguf: settings, context: shape.contextLength)
      return
    }
    // Where it stands outside, it counts; inside, only without.
    let original =
      settings.json("original_max_position_embeddings") == nil
      ? nil : try settings.count("original_max_position_embeddings", nil)
    scaling =
      try parameters.map { try Scaling($0, original: original, context: shape.contextLength) }
      ?? .none
    try parameters?.finish()
  }

  /// The angles by position. The roundings are those of the models' own code, in 32 bits.
  /// - Parameter divisors: what each frequency is divided by, as GGUF stores llama3's scaling.
  func rotary(divisors: [Float]? = nil) -> Rotary {
    let plain = (0..<(rotated / 2)).map { index in
      1 / powf(Float(theta), Float(2 * index) / Float(rotated))
    }
    if let divisors { return Rotary(frequencies: zip(plain, divisors).map { $0 / $1 }) }
    switch scaling {
    case .none: return Rotary(frequencies: plain)
    case .linear(let factor): return Rotary(frequencies: plain.map { $0 / Float(factor) })
    case .llama3(let factor, let low, let high, let original):
      return Rotary(
        frequencies: plain.map { frequency in
          let wavelength = 2 * Float.pi / frequency
          if wavelength < Float(Double(original) / high) { return frequency }
          if wavelength > Float(Double(original) / low) { return frequency / Float(factor) }
          let share = (Float(original) / wavelength - Float(low)) / Float(high - low)
          return (1 - share) * frequency / Float(factor) + share * frequency
        })
    case .yarn(let factor, let fast, let slow, let original, let attentionFactor, let truncates):
      func place(_ rotations: Double) -> Double {
        Double(rotated) * log(Double(original) / (rotations * 2 * Double.pi)) / (2 * log(theta))
      }
      var (first, last) = (place(fast), place(slow))
      if truncates { (first, last) = (first.rounded(.down), last.rounded(.up)) }
      (first, last) = (max(first, 0), min(last, Double(rotated - 1)))
      if first == last { last += 0.001 }
      let frequencies = plain.enumerated().map { index, frequency in
        let ramp = Float((Double(index) - first) / (last - first))
        let kept = 1 - min(max(ramp, 0), 1)
        return frequency / Float(factor) * (1 - kept) + frequency * kept
      }
      return Rotary(frequencies: frequencies, attentionFactor: Float(attentionFactor))
    }
  }
}

extension RotarySettings.Scaling {
  /// Reads the keys of `rope_scaling` or `rope_parameters`.
  init(_ settings: Settings, original outer: Int?, context: Int) throws {
    let old = try settings.text("type", nil, default: "default")
    let kind = try settings.text("rope_type", nil, default: old)
    func positive(_ key: String, default fallback: Double? = nil) throws -> Double {
      let value = try settings.number(key, nil, default: fallback)
      guard value > 0 else {
        throw settings.error(
          .outOfRange, key, "is not positive", "the file is damaged: fetch it again")
      }
      return value
    }
    let inner = try settings.count("original_max_position_embeddings", nil, default: context)
    let original = outer ?? inner
    switch kind {
    case "default": self = .none
    case "linear": self = .linear(factor: try positive("factor"))
    case "llama3":
      let low = try positive("low_freq_factor")
      let high = try positive("high_freq_factor")
      guard high > low else {
        throw settings.error(
          .outOfRange, "high_freq_factor", "is not above low_freq_factor",
          "the file is damaged: fetch it again")
      }
      self = .llama3(
        factor: try positive("factor"), lowFrequency: low, highFrequency: high, original: original)
    case "yarn":
      let factor = try positive("factor")
      func magnitude(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
      let mscale = try settings.number("mscale", nil, default: 0)
      let mscaleAll = try settings.number("mscale_all_dim", nil, default: 0)
      let guess =
        mscale != 0 && mscaleAll != 0 ? magnitude(mscale) / magnitude(mscaleAll) : magnitude(1)
      self = .yarn(
        factor: factor, betaFast: try positive("beta_fast", default: 32),
        betaSlow: try positive("beta_slow", default: 1), original: original,
        attentionFactor: try positive("attention_factor", default: guess),
        truncates: try settings.flag("truncate", nil, default: true))
    default:
      throw settings.error(
        .unsupported, "rope_type", "'\(kind)' rotary scaling is not supported",
        "use a model with default, linear, llama3 or yarn scaling")
    }
  }

  /// Reads the keys `rope.scaling.*`; llama3's scaling is a tensor there.
  init(gguf settings: Settings, context: Int) throws {
    settings.ignore("rope.scaling.finetuned")
    let factor = try settings.number("", "rope.scaling.factor", default: 1)
    let original = try settings.count(
      "", "rope.scaling.original_context_length", default: context)
    let kind = try settings.text("", "rope.scaling.type", default: "linear")
    guard factor > 0 else {
      throw settings.error(
        .outOfRange, "rope.scaling.factor", "is not positive", "the file is damaged: fetch it again"
      )
    }
    switch kind {
    case "none": self = .none
    case "linear": self = factor == 1 ? .none : .linear(factor: factor)
    case "yarn":
      self = .yarn(
        factor: factor, betaFast: 32, betaSlow: 1, original: original,
        attentionFactor: factor <= 1 ? 1 : 0.1 * log(factor) + 1, truncates: true)
    default:
      throw settings.error(
        .unsupported, "rope.scaling.type", "'\(kind)' rotary scaling is not supported",
        "use another model")
    }
  }
}
