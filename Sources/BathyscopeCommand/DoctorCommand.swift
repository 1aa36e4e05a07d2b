import ArgumentParser
import Bathyscope
import Foundation

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check this machine: libraries, kernels, models, Python.",
    discussion: "Example:\n\n  bathyscope doctor")

  @Flag(help: "Print one JSON document on standard output.")
  var json = false

  struct Check: Encodable {
    var name: String
    var isGood: Bool
    var finding: String
  }

  func run() throws {
    let libraries = Diagnosis.blasProblem == nil ? [product(), blas()] : [blas()]
    let checks = libraries + [store(), models(), python()]
    if json {
      try printJSON("doctor", ["checks": checks])
    } else {
      printTable(
        ["check", "", "finding"], checks.map { [$0.name, $0.isGood ? "ok" : "FAIL", $0.finding] })
    }
    if !checks.allSatisfy(\.isGood) { throw ExitCode(4) }
  }

  /// The packed kernel against the system's BLAS.
  private func product() -> Check {
    let difference = Diagnosis.productDifference()
    return Check(
      name: "matrix kernel", isGood: difference < 1e-4,
      finding:
        "\(Diagnosis.kernel), differs from OpenBLAS by at most \(String(format: "%.0e", difference))"
    )
  }

  private func blas() -> Check {
    let problem = Diagnosis.blasProblem
    return Check(
      name: "OpenBLAS", isGood: problem == nil,
      finding: problem.map { "cannot be loaded: \($0): install it" } ?? Diagnosis.blas)
  }

  private func store() -> Check {
    Check(name: "HDF5", isGood: true, finding: ActivationFile.libraryVersion)
  }

  private func models() -> Check {
    let names = ModelCatalogue.entries.map { entry in
      let isThere = (try? ModelCatalogue.resolve(entry.name)) != nil
      return "\(entry.name) \(isThere ? "is there" : "can be fetched")"
    }
    return Check(name: "models", isGood: true, finding: names.joined(separator: ", "))
  }

  /// Needed to fetch models only.
  private func python() -> Check {
    guard let child = try? ChildProcess.run("/usr/bin/env", ["python3", "-m", "pip", "--version"])
    else {
      return Check(
        name: "python", isGood: false,
        finding: "python3 cannot be started: install it, or raise the limits (ulimit -a)")
    }
    let text = String(decoding: child.output, as: UTF8.self)
    let isGood = child.end == .exited(0)
    return Check(
      name: "python", isGood: isGood,
      finding: isGood
        ? text.split(separator: " ").prefix(2).joined(separator: " ")
        : child.end == .exited(127)
          ? "python3 is missing, and needed to fetch models: install it"
          : "pip is missing, and needed to fetch models: install python3-pip")
  }
}
