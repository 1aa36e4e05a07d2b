import Files
import Testing

/// A journal taken apart, to be put together again with digests that fit: as only a run writes it, or somebody who
/// wants to deceive one.
struct JournalText {
  var header: String
  /// Key and row of each whole line.
  var rows: [String]

  init(_ text: String) throws {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    header = String(try #require(lines.first))
    rows = lines.dropFirst().map { "{" + $0.dropFirst(#"{"sha256":"","#.utf8.count + 64) }
  }

  var text: String {
    var digest = Digest.sha256(Array(header.utf8))
    var text = header + "\n"
    for row in rows {
      digest = Digest.sha256(Array((digest + row).utf8))
      text += #"{"sha256":"\#(digest)","# + row.dropFirst() + "\n"
    }
    return text
  }
}
