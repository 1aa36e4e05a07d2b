import Foundation

/// Rotary position embedding (Su et al., arXiv 2104.09864): the frequencies of one kind of layer.
///
/// A class, so that a pass makes one table for all layers that share it.
final class Rotary: Sendable {
  /// Angle by position, for each rotated pair of a head's values; a head may have more values.
  let frequencies: [Float]
  /// What cosines and sines are multiplied with; 1 but for yarn.
  let attentionFactor: Float

  init(frequencies: [Float], attentionFactor: Float = 1) {
    (self.frequencies, self.attentionFactor) = (frequencies, attentionFactor)
  }
}

/// Cosines and sines for the rows of a tile, `[rows, pairs]` each.
///
/// Angles are rounded to 32 bits before the cosine is taken, because the models were trained and are
/// served with such angles.
struct RotaryTable: Sendable {
  let pairs: Int
  let cosines: [Float]
  let sines: [Float]

  init(_ rotary: Rotary, positions: [Int32]) {
    pairs = rotary.frequencies.count
    var cosines: [Float] = []
    var sines: [Float] = []
    cosines.reserveCapacity(positions.count * pairs)
    sines.reserveCapacity(positions.count * pairs)
    for position in positions {
      for frequency in rotary.frequencies {
        let angle = Float(position) * frequency
        cosines.append(cosf(angle) * rotary.attentionFactor)
        sines.append(sinf(angle) * rotary.attentionFactor)
      }
    }
    (self.cosines, self.sines) = (cosines, sines)
  }
}
