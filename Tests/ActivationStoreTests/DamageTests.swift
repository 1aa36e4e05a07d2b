import Files
import Foundation
import Testing

@testable import ActivationStore
@testable import Transformer

/// Cut and flipped files, opened in a process of their own because libhdf5 may not survive them.
@Suite struct DamageTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  /// A whole file as this version writes it, and one as h5py writes it in HDF5's oldest format, whose
  /// metadata have no checksums.
  enum Original: String, CaseIterable, Codable, Sendable {
    case ours, oldest

    func bytes(in folder: String) throws -> [UInt8] {
      switch self {
      case .ours:
        let path = "\(folder)/whole.h5"
        try StoreFixture.write(path, StoreFixture.description())
        return try readFile(path)
      case .oldest:
        return try readFile(
          try #require(Bundle.module.path(forResource: "Golden/h5py", ofType: "h5")))
      }
    }
  }

  /// Opens a file and reads all of it; true when that went well, false on a typed error.
  static func opens(_ bytes: [UInt8], at path: String) throws -> Bool {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    do throws(Problem) {
      let file = try ActivationFile(path, verifies: false)
      for hook in file.hooks { _ = try file.matrix(hook) }
      return true
    } catch { return false }
  }

  static func flipped(_ bytes: [UInt8], seed: Int) -> [UInt8] {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func next() -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33)
    }
    var bytes = bytes
    for _ in 0...(next() % 4) { bytes[next() % bytes.count] ^= UInt8(1 << (next() % 8)) }
    return bytes
  }

  @Test(arguments: Original.allCases)
  func cutFilesAreRefused(_ original: Original) async throws {
    await #expect(processExitsWith: .success) {
      [folder = folder.path as String, original = original as Original] in
      let whole = try original.bytes(in: folder)
      let path = "\(folder)/cut.h5"
      #expect(try DamageTests.opens(whole, at: path))
      for part in 0..<16 {
        #expect(try !DamageTests.opens(Array(whole.prefix(whole.count * part / 16)), at: path))
      }
      #expect(try !DamageTests.opens(whole.dropLast(), at: path))
    }
  }

  /// Nothing of ours may trap on any of them. Where libhdf5 crashes or hangs, which the inspector is
  /// for, the process ends quietly and the next one goes on behind the file it died of.
  @Test(arguments: Original.allCases)
  func flippedBitsNeverTrapInOurCode(_ original: Original) async throws {
    let (count, progress) = (250, folder.file("progress"))
    var crashes = -1
    var next = 0
    while next < count && crashes < count / 10 {
      crashes += 1
      await #expect(processExitsWith: .success) {
        [
          folder = folder.path as String, original = original as Original, next = next as Int,
          count = count as Int, progress = progress as String
        ] in
        for crash in [SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGALRM] { signal(crash) { _ in _exit(0) } }
        let whole = try original.bytes(in: folder)
        for seed in next..<count {
          try "\(seed + 1)".write(toFile: progress, atomically: false, encoding: .utf8)
          alarm(5)
          _ = try DamageTests.opens(DamageTests.flipped(whole, seed: seed), at: "\(folder)/flip.h5")
        }
      }
      let reached = Int(try String(contentsOfFile: progress, encoding: .utf8)) ?? 0
      #expect(reached > next)
      guard reached > next else { return }
      next = reached
    }
    #expect(crashes < count / 10, "libhdf5 died on every tenth file")
  }
}
