import Files
import Foundation
import Testing

@testable import ActivationStore
@testable import Transformer

@Suite struct InspectorTests {
  let folder: ScratchFolder
  let path: String

  init() throws {
    folder = try ScratchFolder()
    path = folder.file("acts.h5")
    try StoreFixture.write(path, StoreFixture.description())
  }

  /// What the inspector says when its process does this.
  private func verdict(of script: String, patience: Double = 20) -> Problem? {
    let inspector = Inspector(
      executable: "/bin/sh", arguments: ["-c", script], patience: patience)
    do {
      _ = try ActivationFile(path, inspector: inspector)
      return nil
    } catch { return error }
  }

  @Test func everyEndOfTheProcessBecomesAnAnswer() {
    #expect(verdict(of: "exit 0") == nil)
    #expect(verdict(of: #"test "$0" = '\#(path)'"#) == nil)
    let told = verdict(
      of: #"echo '{"code":"cut-short","place":"p","problem":"q","remedy":"r"}'; exit 4"#)
    #expect(told == Problem(.cutShort, path, place: "p", problem: "q", remedy: "r"))
    let strange = #"echo '{"code":"A","place":"p","problem":"q","remedy":"r"}'; exit 4"#
    for script in [
      strange, "exit 4", "echo '{,}'; exit 4", "kill -SEGV $$", "kill -KILL $$", "exec yes",
    ] {
      let error = verdict(of: script, patience: script == "exec yes" ? 0.2 : 20)
      #expect(error?.code == .damaged && error?.place == "", "\(script)")
    }
    let missing = Inspector(executable: folder.file("none"), arguments: [])
    expectProblem(.cannotStart) { try ActivationFile(path, inspector: missing) }
  }

  @Test func processLimitsItselfAndTells() async throws {
    try await confirmStatus(0, of: path)
    let bytes = try readFile(path)
    try Data(bytes.dropLast(100)).write(to: URL(fileURLWithPath: path))
    try await confirmStatus(4, of: path)
  }

  private func confirmStatus(_ status: Int32, of path: String) async throws {
    await #expect(processExitsWith: .exitCode(status)) { [path = path as String] in
      let status = Inspector.run(path)
      var limit = rlimit()
      #if os(Linux)
        getrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &limit)
        guard limit.rlim_cur == 5 else { exit(9) }
        getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        guard limit.rlim_cur > 1 << 30, limit.rlim_cur < 1 << 36 else { exit(9) }
      #endif
      exit(status)
    }
  }
}
