import ArgumentParser
import Bathyscope
import Foundation

/// The one rule of all that is written: never over an input, and over another run's result only when
/// that is asked for.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Replace what another run left at the output; an input is never replaced.")
  var overwrite = false

  /// Claims files, before anything is computed.
  /// - Parameter isOwn: whether what is there is this very run's.
  func claim(files: [String], isOwn: Bool = false, inputs: [String]) throws {
    var outputs = outputs(inputs)
    try outputs.claim(files: files, isOwn: isOwn)
  }

  /// Claims a folder with the files that will be written into it, before anything is computed.
  /// - Parameter journal: its name in the folder. It says whose the files are: it is compared with this
  ///   run's configuration when it is opened.
  func claim(
    folder: String, _ names: [String], journal: String? = nil, inputs: [String]
  ) throws {
    var outputs = outputs(inputs)
    let isOwn = journal.map { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }
    try outputs.claim(folder: folder, names: names, isOwn: isOwn ?? false)
  }

  /// Claims a folder that will appear as a whole, in the place of nothing or of an empty folder.
  /// - Parameter record: the file that tells folders that this command wrote, which may be replaced.
  func claim(wholeFolder folder: String, record: String, inputs: [String]) throws {
    try claim(folder: folder, [], inputs: inputs)
    let manager = FileManager.default
    let isEmpty = try? manager.contentsOfDirectory(atPath: folder).isEmpty
    let mayReplace = overwrite && manager.fileExists(atPath: "\(folder)/\(record)")
    guard isEmpty ?? !manager.fileExists(atPath: folder) || mayReplace else {
      throw Problem.wouldOverwrite(folder)
    }
  }

  private func outputs(_ inputs: [String]) -> Outputs {
    // What says where an input came from is read with it.
    Outputs(inputs: inputs + inputs.map { "\($0).json" }, overwrites: overwrite)
  }
}

extension ModelOptions {
  /// All files and folders that are read.
  var inputs: [String] { modelInputs(model, adapter) }
}

/// The files and folders of a model and its adapters, which may be named models.
func modelInputs(_ model: String?, _ adapters: [String]) -> [String] {
  let names = adapters.flatMap { text in
    [text] + (text.lastIndex(of: ":").map { [String(text[..<$0])] } ?? [])
  }
  return [model].compactMap { $0 }.map { (try? ModelCatalogue.resolve($0)) ?? $0 }
    + names.map { (try? AdapterCatalogue.resolve($0)) ?? $0 }
}

extension AnswerOptions {
  var inputs: [String] { [answers].compactMap(\.self) + labels }
}

extension HeadPromptOptions {
  var inputs: [String] { prompts.prompts + answers.inputs }
}

extension HeadAblationOptions {
  var inputs: [String] { [source.probe, reference].compactMap(\.self) }
}

extension InterventionOptions {
  var inputs: [String] { [interventions, steer, projectOut].compactMap(\.self) }
}

extension JudgeOptions {
  /// Folders and files of judges; what is no list of judges has none.
  var inputs: [String] {
    ((try? names()) ?? []).compactMap(\.place).flatMap { modelInputs($0, []) }
  }
}
