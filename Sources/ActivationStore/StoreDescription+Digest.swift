import Files
import Foundation
import Transformer

extension StoreDescription {
  /// SHA-256 over all that a file says besides the activations, in one canonical form: whoever reads it
  /// finds whether what was read is what was written.
  ///
  /// - Parameter nonFinite: of the hooks, or of the sites.
  func contentSHA256(
    configurationSHA256: String, nonFinite: [HookPoint: (nans: Int, infinities: Int)]
  ) -> String {
    var digest = ContentDigest()
    digest.add([
      model.id, model.architecture, model.weightsSHA256, model.configurationSHA256,
      model.configurationJSON, model.tokenizerSHA256 ?? "", model.templateSHA256 ?? "",
      precision.rawValue, kernel, arguments, rule?.description ?? "", toolVersion,
      created.map(timeText) ?? "", elementType.rawValue, configurationSHA256,
    ])
    digest.add([seed, UInt64(compresses ? 1 : 0)])
    digest.add(hooks.map(\.description))
    for site in sites {
      let counts = nonFinite.filter { $0.key.site == site }.values
      digest.add([
        widths[site] ?? 0, counts.reduce(0) { $0 + $1.nans },
        counts.reduce(0) { $0 + $1.infinities },
      ])
    }
    digest.add([prompts.count])
    for prompt in prompts {
      digest.add([prompt.sequence.id])
      digest.add(prompt.sequence.tokens)
      digest.add(prompt.sequence.segments.map(\.rawValue))
      digest.add(prompt.positions)
    }
    let names = labels.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for name in names {
      switch labels[name] {
      case .text(let texts): digest.add([name, "text"] + texts)
      case .number(let numbers):
        digest.add([name, "number"])
        digest.add(numbers.map(\.bitPattern))
      case nil: break
      }
    }
    return digest.digest.hexadecimal()
  }
}

/// A digest of lists, each behind its length, so that no two contents give the same bytes.
private struct ContentDigest {
  private(set) var digest = Digest()

  mutating func add(_ texts: [String]) {
    add([texts.count])
    for text in texts { add(Array(text.utf8)) }
  }

  mutating func add<Number: FixedWidthInteger>(_ numbers: [Number]) {
    withUnsafeBytes(of: UInt64(numbers.count).littleEndian) { digest.update($0) }
    numbers.map(\.littleEndian).withUnsafeBytes { digest.update($0) }
  }
}
