import Files
import Foundation
import Testing

@testable import ActivationStore
@testable import Transformer

/// Cut and flipped files, opened in a process of their own because libhdf5 may not survive them.
@Suite struct DamageTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  /// Opens a file and touches all of it; true when that went well, false on a typed error.
  static func opens(_ bytes: [UInt8], at path: String) throws -> Bool {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    do throws(ActivationStoreError) {
      let file = try ActivationFile(path)
      for hook in file.hooks { _ = try file.matrix(hook) }
      return true
    } catch { return false }
  }

  static func flipped(_ bytes: [UInt8], seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func next() -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33)
    }
    var bytes = bytes
    for _ in 0...(next() % 4) { bytes[next() % bytes.count] ^= UInt8(1 << (next() % 8)) }
    return bytes
  }

  @Test func cutFilesAreRefused() async throws {
    await #expect(processExitsWith: .success) { [folder = folder.path as String] in
      let path = "\(folder)/acts.h5"
      try StoreFixture.write(path, StoreFixture.description())
      try FileManager.default.removeItem(atPath: Journal.path(of: path))
      let golden = try #require(Bundle.module.path(forResource: "Golden/h5py", ofType: "h5"))
      for whole in [try readFile(path), try readFile(golden)] {
        #expect(try DamageTests.opens(whole, at: path))
        for part in 0..<16 {
          #expect(try !DamageTests.opens(Array(whole.prefix(whole.count * part / 16)), at: path))
        }
        #expect(try !DamageTests.opens(whole.dropLast(), at: path))
      }
    }
  }

  @Test func flippedBitsOfOurFilesAreRefusedOrHarmless() async throws {
    await #expect(processExitsWith: .success) { [folder = folder.path as String] in
      let path = "\(folder)/acts.h5"
      try StoreFixture.write(path, StoreFixture.description())
      try FileManager.default.removeItem(atPath: Journal.path(of: path))
      let whole = try readFile(path)
      for seed in 0..<600 {
        _ = try DamageTests.opens(DamageTests.flipped(whole, seed: UInt64(seed)), at: path)
      }
    }
  }

  @Test func flippedBitsOfOldFiles() async throws {
    await #expect(processExitsWith: .success) { [folder = folder.path as String] in
      let path = "\(folder)/acts.h5"
      let golden = try #require(Bundle.module.path(forResource: "Golden/h5py", ofType: "h5"))
      let whole = try readFile(golden)
      for seed in 0..<600 {
        FileHandle.standardError.write(Data("seed \(seed)\n".utf8))
        _ = try DamageTests.opens(DamageTests.flipped(whole, seed: UInt64(seed)), at: path)
      }
    }
  }
}
