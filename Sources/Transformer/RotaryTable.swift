import Foundation

/// Cosines and sines of rotary position embedding, `[positions, dHead / 2]` each.
///
/// Angles are rounded to 32 bits before the cosine is taken, because the models were trained and are
/// served with such angles (Su et al., arXiv 2104.09864).
struct RotaryTable: Sendable {
  let half: Int
  let cosines: [Float]
  let sines: [Float]

  init(positions: Int, dHead: Int, theta: Float) {
    half = dHead / 2
    let frequencies = (0..<half).map { index in
      1 / powf(theta, Float(2 * index) / Float(dHead))
    }
    var cosines: [Float] = []
    var sines: [Float] = []
    cosines.reserveCapacity(positions * half)
    sines.reserveCapacity(positions * half)
    for position in 0..<positions {
      for frequency in frequencies {
        let angle = Float(position) * frequency
        cosines.append(cosf(angle))
        sines.append(sinf(angle))
      }
    }
    (self.cosines, self.sines) = (cosines, sines)
  }
}
