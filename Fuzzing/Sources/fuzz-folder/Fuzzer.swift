import Files
import Foundation

@testable import Checkpoints

/// A folder with two shards; the input is its `config.json`, a NUL, and the index of the shards.
private let folder: String = {
  let path = "/dev/shm/bathyscope-fuzz-\(getpid())"
  try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  for name in ["a", "b"] {
    try? SafetensorsFile.write(
      [("tensor.\(name)", [2], [0, 1])], metadata: [:], to: "\(path)/\(name).safetensors")
  }
  return path
}()

/// libFuzzer calls this with one input after another; a trap or a broken promise ends the run.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: data, count: size))
  let border = input.firstIndex(of: 0) ?? size
  for (name, part) in [
    ("config.json", input[..<border]),
    ("model.safetensors.index.json", input[border...].dropFirst()),
  ] {
    try? Data(part).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
  }
  guard let checkpoint = try? Checkpoint.open(folder) else { return 0 }
  precondition(
    checkpoint.names.allSatisfy { $0.hasPrefix("tensor.") }, "only tensors of the shards")
  for name in checkpoint.names {
    precondition((try? checkpoint.tensor(name).floats()) == [0, 1], "the shards' values")
  }
  return 0
}
