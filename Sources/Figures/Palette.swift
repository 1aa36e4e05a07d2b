/// Colours for series, segments and values.
enum Palette {
  static func series(_ index: Int) -> String { "var(--series\(index % 6))" }

  /// The background of a segment; the four of a transcript always look the same.
  static func segment(_ name: String, among names: [String]) -> String {
    let known = ["template": 0, "prompt": 1, "thinking": 2, "answer": 3]
    let index = known[name] ?? (names.firstIndex(of: name) ?? 0) % 5
    return "var(--tint\(index))"
  }

  /// Evenly perceived steps from dark blue to yellow, after viridis (van der Walt and Smith, CC0).
  static let sequential = [
    "#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30",
    "#fde725",
  ]
  /// Blue through near-white to red, equally dark at both ends.
  static let diverging = [
    "#1f4e8c", "#3f7db8", "#7fb0d8", "#bfd6e8", "#f4f2ee", "#f3cdb8", "#e39a78", "#c9614a",
    "#9c2430",
  ]

  /// The colour at a place from 0 to 1 along the anchors.
  static func color(_ place: Double, in anchors: [String]) -> String {
    let position = min(max(place, 0), 1) * Double(anchors.count - 1)
    let index = min(Int(position), anchors.count - 2)
    let share = position - Double(index)
    let (from, to) = (channels(anchors[index]), channels(anchors[index + 1]))
    let mixed = zip(from, to).map { Int((Double($0) + share * Double($1 - $0)).rounded()) }
    return "#"
      + mixed.map { value in
        let digits = String(value, radix: 16)
        return digits.count < 2 ? "0" + digits : digits
      }.joined()
  }

  private static func channels(_ hexadecimal: String) -> [Int] {
    let value = Int(hexadecimal.dropFirst(), radix: 16) ?? 0
    return [value >> 16, value >> 8 & 255, value & 255]
  }
}
