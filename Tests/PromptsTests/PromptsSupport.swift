import Files
import Foundation
import Jinja
import Testing

@testable import Prompts

func goldenBytes(_ name: String) throws -> [UInt8] {
  let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: nil))
  return try readFile(url.path)
}

/// A recorded file of `Golden/`.
func golden(_ name: String) throws -> JSON {
  try JSONReader.parse(try goldenBytes(name), file: name)
}

let recordingDate = TemplateDate(year: 2024, month: 7, day: 4, hour: 15, minute: 6, second: 9)

extension [TranscriptSpan] {
  var text: String { String(decoding: flatMap(\.bytes), as: UTF8.self) }
}
