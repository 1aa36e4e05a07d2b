import ArgumentParser
import Bathyscope
import Foundation

@main
struct Main {
  static func main() {
    Launch.prepare()
    exit(Launch.withEnoughStack(run))
  }

  @Sendable private static func run() -> Int32 {
    do {
      var command = try BathyscopeCommand.parseAsRoot()
      if let problem = Diagnosis.kernelProblem {
        throw Problem(
          .unknownKernel, "BATHYSCOPE_KERNEL", problem: problem,
          remedy: "unset it or name one of these")
      }
      _ = try WrittenDate.now()
      try command.run()
      try flushOutput()
      return 0
    } catch {
      MadeFolders.removeEmpty()
      return report(error)
    }
  }

  /// Prints an error and returns the status to exit with: 0 done, 1 disagreement, 2 usage, 3 a
  /// conflict of configurations or results, 4 bad input.
  private static func report(_ error: any Error) -> Int32 {
    if let code = error as? ExitCode { return code.rawValue }
    let code = BathyscopeCommand.exitCode(for: error)
    if code == .success {
      printLines(BathyscopeCommand.fullMessage(for: error))
      do { try flushOutput() } catch { return report(error) }
      return 0
    }
    // Whatever ArgumentParser throws is about the words of the command line.
    if code == .validationFailure {
      writeUsage(BathyscopeCommand.fullMessage(for: error))
      return 2
    }
    guard let problem = error as? Problem else {
      writeError("error: \(error)")
      return 4
    }
    writeError("error [\(problem.code)]: \(problem)")
    return problem.code.fault.rawValue
  }
}

struct BathyscopeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bathyscope",
    abstract: "Look into the residual stream of language models.",
    discussion: """
      A first run, from a model to a report:

        bathyscope models get smollm2-135m
        bathyscope capture --model smollm2-135m --prompts prompts.jsonl \\
          --hooks 'blocks.*.hook_resid_post' --positions last --out acts.h5
        bathyscope probe train --acts acts.h5 --label harmful --out probe
        bathyscope trace --model smollm2-135m --prompts transcripts.jsonl \\
          --probe probe --label harmful --out trace

      Results go to standard output, progress and warnings to standard error.
      Exit status: 0 done, 1 disagreement, 2 usage, 3 conflict of configurations or
      results, 4 bad input.
      """,
    version: bathyscopeVersion,
    subcommands: [
      ModelsCommand.self, TokensCommand.self, CaptureCommand.self, GenerateCommand.self,
      ProbeCommand.self, TraceCommand.self, HeadsCommand.self, AttackCommand.self,
      JudgeCommand.self, SelectCommand.self, DirectionCommand.self, ParityCommand.self,
      SelfcheckCommand.self, DoctorCommand.self, OrganismCommand.self, ReportCommand.self,
      InspectCommand.self,
    ])
}
