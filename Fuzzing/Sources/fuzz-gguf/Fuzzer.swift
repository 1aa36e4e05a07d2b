@testable import Checkpoints

/// libFuzzer calls this with one input after another; a trap or a broken promise ends the run.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  guard let table = try? GGUFReader.parse(bytes, file: "fuzz.gguf") else { return 0 }
  for record in table.records {
    precondition(record.offset >= table.headerEnd && record.byteCount >= 0, "an offset in the data")
    precondition(record.byteCount <= size - record.offset, "a tensor in the file")
    precondition(record.shape.allSatisfy { $0 >= 0 }, "a shape")
  }
  return 0
}
