import CHDF5
import Files
import Foundation
import Tensors
import Testing

@testable import ActivationStore
@testable import Transformer

/// Damaged files are refused or give the numbers that were written.
@Suite struct MutantTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  /// All that a file gives.
  struct Content: Equatable {
    var description: StoreDescription
    var values: [[UInt32]]
  }

  static func content(_ path: String) throws(Problem) -> Content {
    let file = try ActivationFile(path)
    var values: [[UInt32]] = []
    for hook in file.hooks { values.append(try file.matrix(hook).values.map(\.bitPattern)) }
    return Content(description: file.description, values: values)
  }

  /// Flips a bit, cuts the end off, or zeroes a block.
  static func mutant(_ bytes: [UInt8], seed: Int) -> [UInt8] {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 7
    func next(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var mutant = bytes
    switch seed % 4 {
    case 0: mutant.removeLast(1 + next(below: bytes.count))
    case 1:
      let start = next(below: bytes.count)
      let end = min(start + 1 + next(below: 512), bytes.count)
      for place in start..<end { mutant[place] = 0 }
    default: mutant[next(below: bytes.count)] ^= UInt8(1 << next(below: 8))
    }
    return mutant
  }

  private func write(compresses: Bool) throws -> String {
    let path = folder.file("acts.h5")
    try StoreFixture.write(
      path, StoreFixture.description(compresses: compresses, tokensPerPrompt: 40))
    return path
  }

  @Test(arguments: [false, true])
  func withItsJournalEveryDamageIsNoticed(compresses: Bool) throws {
    let path = try write(compresses: compresses)
    let whole = try Self.content(path)
    let (bytes, journal) = (try readFile(path), try readFile(Journal.path(of: path)))
    var accepted = 0
    for seed in 0..<800 {
      // Every eighth is one of the journal.
      let isJournal = seed % 8 == 7
      let target = isJournal ? Journal.path(of: path) : path
      let original = isJournal ? journal : bytes
      let mutant = Self.mutant(original, seed: seed)
      try Data(mutant).write(to: URL(fileURLWithPath: target))
      let found = try? Self.content(path)
      #expect(found == nil || found == whole, "mutant \(seed)")
      if found != nil, mutant != original, !isJournal { accepted += 1 }
      try Data(original).write(to: URL(fileURLWithPath: target))
    }
    #expect(accepted == 0)
    #expect(try Self.content(path) == whole)
  }

  /// Without the journal, libhdf5 meets the damage, and may not survive it.
  @Test func withoutItsJournalTheFileProtectsItself() async throws {
    let (count, progress) = (300, folder.file("progress"))
    let path = try write(compresses: false)
    try FileManager.default.removeItem(atPath: Journal.path(of: path))
    var (next, deaths) = (0, -1)
    while next < count, deaths < count / 20 {
      deaths += 1
      await #expect(processExitsWith: .success) {
        [
          path = path as String, next = next as Int, count = count as Int,
          progress = progress as String
        ] in
        for crash in [SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGALRM] { signal(crash) { _ in _exit(0) } }
        let (bytes, whole) = (try readFile(path), try MutantTests.content(path))
        for seed in next..<count {
          try "\(seed + 1)".write(toFile: progress, atomically: false, encoding: .utf8)
          alarm(5)
          let mutant = "\(path).mutant"
          try Data(MutantTests.mutant(bytes, seed: seed)).write(to: URL(fileURLWithPath: mutant))
          if let found = try? MutantTests.content(mutant), found != whole { exit(1) }
        }
      }
      let reached = Int(try String(contentsOfFile: progress, encoding: .utf8)) ?? 0
      guard reached > next else { break }
      next = reached
    }
    #expect(next == count && deaths < count / 20)
  }

  @Test func withoutJournalOldFilesAreUnverified() throws {
    let path = try write(compresses: false)
    let whole = try Self.content(path)
    try HDF5.locked {
      let file = try StoreFixture.openToChange(path)
      try file.check(H5Adelete(file.id, StoreLayout.contentDigest))
      try file.closeFile()
    }
    #expect(StoreFixture.errorOpening(path)?.code == .digestDiffers)
    let journalPath = Journal.path(of: path)
    try FileManager.default.moveItem(atPath: journalPath, toPath: path + ".away")
    #expect(StoreFixture.errorOpening(path)?.place == "/ attribute content_sha256")
    try FileManager.default.moveItem(atPath: path + ".away", toPath: journalPath)
    try HDF5.locked {
      let file = try StoreFixture.openToChange(path)
      try file.check(H5Adelete(file.id, "format_version"))
      try file.setAttribute("format_version", Int64(1), .int64)
      try file.closeFile()
    }
    var journal = try #require(try Journal.beside(path))
    (journal.size, journal.sha256) = (try readFile(path).count, Digest.sha256(try readFile(path)))
    var draft = try journal.draft(beside: path)
    try draft.commit()
    #expect(try Self.content(path) == whole)
    #expect(try ActivationFile(path).isVerified)
    try FileManager.default.removeItem(atPath: Journal.path(of: path))
    #expect(try !ActivationFile(path).isVerified && Self.content(path) == whole)
  }

  @Test func theConfigurationHasItsDigest() throws {
    let path = try write(compresses: false)
    try FileManager.default.removeItem(atPath: Journal.path(of: path))
    try HDF5.locked {
      let file = try StoreFixture.openToChange(path)
      try file.check(H5Adelete(file.id, "config_json"))
      try file.setAttribute("config_json", "{}")
      try file.closeFile()
    }
    #expect(StoreFixture.errorOpening(path)?.place == "/ attribute config_json")
  }
}
