@testable import Tokenization

/// libFuzzer calls this with one input after another; a trap or a broken promise ends the run.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  guard let tokenizer = try? Tokenizer(tokenizerJSON: bytes, file: "fuzz.json") else { return 0 }
  for text in ["ab aa1<e> e\u{301}x", "<|im_start|>user\n Hello  world 12345\r\n\n"] {
    for parsesSpecials in [false, true] {
      let ids = tokenizer.encode(text, parsesSpecials: parsesSpecials)
      precondition(
        ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularyCount }, "ids of the vocabulary")
      _ = tokenizer.decode(ids) + ids.map(tokenizer.label).joined()
    }
  }
  _ = tokenizer.sha256
  return 0
}
