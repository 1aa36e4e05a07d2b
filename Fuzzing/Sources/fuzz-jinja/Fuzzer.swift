@testable import Files
@testable import Jinja
@testable import Prompts

private let messages = [
  Message(role: "system", content: "s"), Message(role: "user", content: "é {{ x }}"),
  Message(role: "assistant", content: "<think>t</think>a"),
]
private let date = TemplateDate(year: 2024, month: 2, day: 29)

/// libFuzzer calls this with one input after another; a trap or a broken promise ends the run.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let source = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
  guard
    let template = try? ChatTemplate(
      source: source, file: "fuzz", tokens: ["bos_token": "<s>", "eos_token": "</s>"], date: date),
    let spans = try? template.render(
      messages, addsGenerationPrompt: true, variables: ["enable_thinking": .bool(true)])
  else { return 0 }
  precondition(
    spans.allSatisfy { $0.bytes.withUnsafeBytes { isValidUTF8($0) } }, "spans of valid UTF-8")
  return 0
}
