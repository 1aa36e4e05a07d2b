@testable import Checkpoints

/// libFuzzer calls this with one input after another; a trap or a broken promise ends the run.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  guard let table = try? SafetensorsReader.parse(bytes, file: "fuzz.safetensors") else { return 0 }
  // What was taken lies in the file, and the tensors fill the data.
  var filled = table.headerEnd
  for record in table.records {
    precondition(record.offset >= table.headerEnd && record.byteCount >= 0, "an offset in the data")
    precondition(record.byteCount <= size - record.offset, "a tensor in the file")
    filled += record.byteCount
  }
  precondition(filled == size, "no byte without an owner")
  return 0
}
