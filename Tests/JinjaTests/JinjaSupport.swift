import Files
import Foundation
import Testing

@testable import Jinja

/// A recorded file of `Golden/`.
func golden(_ name: String) throws -> JSON {
  let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: nil))
  return try JSONReader.parse(try readFile(url.path), file: name)
}

let recordingDate = TemplateDate(year: 2024, month: 7, day: 4, hour: 15, minute: 6, second: 9)

/// What a template writes with the variables that every chat template has, and these.
func render(_ source: String, _ variables: [String: JSON] = [:]) throws -> JinjaText {
  var names: [String: JinjaValue] = [
    "messages": .list(JinjaList([])), "tools": .none, "documents": .none,
    "add_generation_prompt": .bool(false),
  ]
  for (name, value) in variables {
    names[name] = JinjaValue(value, origin: JinjaText.Origin(rawValue: 1))
  }
  return try JinjaTemplate(source, file: "test").render(names, date: recordingDate)
}

/// The processor's time that this thread has taken: other tests run beside it.
func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
