/// A key of `rank_pattern` or `alpha_pattern`: a module's name, or a simple regular expression for it.
///
/// PEFT matches such a key with Python's `re.match(rf"(.*\.)?({key})$", module)`: it must match the
/// whole path of a module or what follows one of its dots, and an unescaped dot matches any
/// character. Understood are names, `.`, `\.`, `\d`, each with `*`, `+` or `?` behind it, `^` at the
/// start and `$` at the end; anything else is an error instead of a guess.
struct AdapterPattern: Sendable {
  private enum Kind: Equatable {
    case byte(UInt8)
    case digit
    case any

    func matches(_ byte: UInt8) -> Bool {
      switch self {
      case .byte(let expected): byte == expected
      case .digit: (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      case .any: true
      }
    }
  }

  private struct Element {
    var kind: Kind
    var isOptional = false
    var repeats = false
  }

  private var elements: [Element] = []
  private var isAnchored = false
  private var hasFixedLength = true

  /// Nil for a key that is not understood.
  init?(_ key: [UInt8]) {
    var rest = key[...]
    if rest.first == UInt8(ascii: "^") {
      isAnchored = true
      rest.removeFirst()
    }
    if rest.last == UInt8(ascii: "$") { rest.removeLast() }
    guard !rest.isEmpty, rest.count <= 512 else { return nil }
    while let byte = rest.popFirst() {
      guard let kind = Self.kind(byte, &rest) else { return nil }
      var element = Element(kind: kind)
      if let quantifier = rest.first, "*+?".utf8.contains(quantifier) {
        element.isOptional = quantifier != UInt8(ascii: "+")
        element.repeats = quantifier != UInt8(ascii: "?")
        hasFixedLength = false
        rest.removeFirst()
      }
      elements.append(element)
    }
  }

  private static func kind(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) -> Kind? {
    switch byte {
    case UInt8(ascii: "."): return .any
    case UInt8(ascii: "\\"):
      switch rest.popFirst() {
      case UInt8(ascii: "."): return .byte(UInt8(ascii: "."))
      case UInt8(ascii: "d"): return .digit
      default: return nil
      }
    default: return isNameByte(byte) ? .byte(byte) : nil
    }
  }

  /// Whether the key stands for this module.
  /// - Parameter cost: grows by about the nanoseconds that it takes, so that a caller can bound them.
  func matches(_ module: [UInt8], cost: inout Int) -> Bool {
    cost += 1
    if hasFixedLength {
      let start = module.count - elements.count
      guard start >= 0, canStart(at: start, of: module) else { return false }
      for (element, byte) in zip(elements, module[start...]) {
        cost += 1
        guard element.kind.matches(byte) else { return false }
      }
      return true
    }
    // Where in the module the elements that are left can begin, taken from the back: at first only
    // its end.
    var starts: Set<Int> = [module.count]
    for element in elements.reversed() {
      let ends = starts
      if !element.isOptional { starts = [] }
      for end in ends {
        var position = end
        repeat {
          cost += 50
          guard position > 0, element.kind.matches(module[position - 1]) else { break }
          position -= 1
        } while starts.insert(position).inserted && element.repeats
      }
      if starts.isEmpty { return false }
    }
    return starts.contains { canStart(at: $0, of: module) }
  }

  private func canStart(at position: Int, of module: [UInt8]) -> Bool {
    position == 0 || (!isAnchored && module[position - 1] == UInt8(ascii: "."))
  }
}

/// Whether the byte can stand in a component of a module's path.
func isNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
    true
  default: false
  }
}
