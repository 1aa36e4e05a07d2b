import Foundation
import Testing

@testable import Files

@Suite struct ChildProcessTests {
  private func shell(
    _ script: String, patience: Double = 30, limit: Int = 1 << 20
  ) throws -> ChildProcess {
    try ChildProcess.run("/bin/sh", ["-c", script], patience: patience, limit: limit)
  }

  @Test func everyEndIsTold() throws {
    #expect(try shell("exit 0").end == .exited(0))
    #expect(try shell("exit 200").end == .exited(200))
    #expect(try shell("kill -SEGV $$").end == .killed(SIGSEGV))
    let start = ContinuousClock.now
    #expect(try shell("exec sleep 60", patience: 0.2).end == .outOfTime)
    #expect(try shell("exec yes", patience: 0.2).end == .outOfTime)
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  @Test func outputIsKeptUpToTheLimit() throws {
    #expect(try shell("echo a; echo b >&2; cat").output == Array("a\n".utf8))
    let long = try shell("head -c 300000 /dev/zero", limit: 100)
    #expect(long.end == .exited(0) && long.output == Array(repeating: 0, count: 100))
    #expect(try ChildProcess.run("echo", ["a b", "c"]).output == Array("a b c\n".utf8))
  }

  @Test func whatCannotBeStartedIsAnError() {
    let error = expectProblem(.cannotStart) { try ChildProcess.run("/nowhere/a", []) }
    #expect(error?.subject == "/nowhere/a" && error?.problem.contains("No such file") == true)
  }
}
