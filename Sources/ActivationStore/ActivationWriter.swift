import CHDF5
import CKernels
import Files
import Foundation
import Transformer

/// Writes one activation file, prompt after prompt.
///
/// The file appears under its name only when `finish()` returns; an error or a killed run leaves
/// nothing. Memory stays at one chunk of every hook, 16 MB or less, three times. Give it captures from one thread at
/// a time.
///
///     let writer = try ActivationWriter("acts.h5", description)
///     for capture in run.sequences { try writer.append(capture) }
///     let journal = try writer.finish()
public final class ActivationWriter {
  /// Where the file will appear.
  public let path: String
  /// What was promised to be written.
  public let description: StoreDescription
  /// NaNs and infinities written so far, by hook: a model that overflows is worth a warning.
  public private(set) var nonFinite: [HookPoint: (nans: Int, infinities: Int)] = [:]

  private var output: AtomicFile
  private var file: HDF5Object?
  private var blocks: [SiteBlock]
  private let created: Date
  private let configurationSHA256: String
  private let chunkRows: Int
  private var promptsWritten = 0
  private var rowsWritten = 0
  private var rowsBuffered = 0

  /// Creates the temporary file and writes everything but the activations.
  ///
  /// - Throws: when the description is contradictory or the place cannot be written to.
  public init(_ path: String, _ description: StoreDescription) throws(Problem) {
    try description.check(for: path)
    self.path = path
    self.description = description
    let created = try description.creationTime()
    let configuration = description.runConfiguration()
    let configurationSHA256 = Digest.sha256(Array(configuration.utf8))
    let chunkRows = StoreLayout.chunkRows(
      rowCount: description.rowCount, bytesPerRow: description.bytesPerRow)
    output = try AtomicFile(path)
    let descriptor = output.descriptor
    (file, blocks) = try HDF5.locked { () throws(Problem) in
      let file = try HDF5Object.create(descriptor, as: path)
      if !description.compresses { try file.reserve(description.estimatedBytes, descriptor) }
      try file.writeHeader(
        description, created: created, configuration: configuration, sha256: configurationSHA256)
      let rows = try file.writeIndex(description)
      let blocks = try file.createBlocks(description, rows: rows, chunkRows: chunkRows)
      try file.check(H5Fflush(file.id, H5F_SCOPE_GLOBAL))
      try file.checkWritten()
      return (file, blocks)
    }
    self.created = created
    self.configurationSHA256 = configurationSHA256
    self.chunkRows = chunkRows
  }

  /// Adds the next prompt's rows.
  ///
  /// - Throws: when it is another prompt, when hooks, positions or widths differ from the description,
  ///   when a value does not fit into float16, or when the disk is full. The writer is of no use then.
  public func append(_ capture: SequenceCapture) throws(Problem) {
    guard file != nil, capture.sequence == promptsWritten,
      promptsWritten < description.prompts.count
    else {
      throw misuse(
        .outOfOrder, "sequence \(capture.sequence) arrived where \(promptsWritten) was expected")
    }
    let prompt = description.prompts[promptsWritten]
    try check(capture, against: prompt)
    var first = 0
    while first < prompt.positions.count {
      let count = min(prompt.positions.count - first, chunkRows - rowsBuffered)
      for block in blocks {
        for (index, hook) in block.hooks.enumerated() {
          guard let matrix = capture.values[hook] else { continue }
          let range = (first * matrix.columns)..<((first + count) * matrix.columns)
          let overflows = matrix.values[range].withUnsafeBufferPointer {
            block.put($0, layerIndex: index, row: rowsBuffered)
          }
          guard overflows == 0 else {
            throw Problem(
              .overflows, path, place: "\(hook) of prompt \(prompt.sequence.id)",
              problem: "\(overflows) values exceed 65,504, the largest float16",
              remedy: "store float32 or bfloat16")
          }
        }
      }
      rowsBuffered += count
      first += count
      if rowsBuffered == chunkRows { try flush() }
    }
    promptsWritten += 1
  }

  /// Puts the file in place under its name, and its journal beside it.
  ///
  /// - Returns: the journal, with the file's SHA-256.
  /// - Throws: when prompts are missing or the disk is full; no file is left then.
  public func finish() throws(Problem) -> Journal {
    guard let file, promptsWritten == description.prompts.count else {
      throw misuse(.outOfOrder, "\(promptsWritten) of \(description.prompts.count) prompts arrived")
    }
    try flush()
    try HDF5.locked { () throws(Problem) in
      for block in blocks { try block.writeCounts(nonFinite) }
      blocks = []
      var described = description
      described.created = created
      try file.setAttribute(
        StoreLayout.contentDigest,
        described.contentSHA256(configurationSHA256: configurationSHA256, nonFinite: nonFinite))
      try file.check(H5Fflush(file.id, H5F_SCOPE_GLOBAL))
      try file.closeFile()
    }
    self.file = nil
    let temporaryPath = output.temporaryPath
    let content = try MappedFile(temporaryPath)
    let journal = Journal(
      size: content.count, sha256: Digest.sha256(of: content),
      configurationSHA256: configurationSHA256,
      created: timeText(created), toolVersion: description.toolVersion,
      arguments: description.arguments, modelID: description.model.id,
      modelSHA256: description.model.weightsSHA256, prompts: description.prompts.count,
      rows: description.rowCount)
    // Both are on the disk before either has its name.
    var sidecar = try journal.draft(beside: path)
    // The journal of an earlier file must not be beside this one, not for a moment.
    unlink(Journal.path(of: path))
    try output.commit()
    try sidecar.commit()
    return journal
  }

  private func check(
    _ capture: SequenceCapture, against prompt: StoreDescription.Prompt
  ) throws(Problem) {
    for hook in description.hooks {
      let matrix = capture.values[hook]
      guard capture.positions[hook] ?? [] == prompt.positions,
        matrix?.rows ?? 0 == prompt.positions.count,
        prompt.positions.isEmpty || matrix?.columns == description.widths[hook.site]
      else {
        throw misuse(
          .wrongShape, "\(hook) of prompt \(prompt.sequence.id) has other positions or widths")
      }
      guard let matrix else { continue }
      var (nans, infinities): (UInt64, UInt64) = (0, 0)
      bathyscope_count_non_finite(matrix.values, matrix.values.count, &nans, &infinities)
      guard nans + infinities > 0 else { continue }
      let sum = nonFinite[hook] ?? (0, 0)
      nonFinite[hook] = (sum.nans + Int(nans), sum.infinities + Int(infinities))
    }
  }

  private func flush() throws(Problem) {
    guard rowsBuffered > 0 else { return }
    try HDF5.locked { () throws(Problem) in
      for block in blocks { try block.flush(from: rowsWritten, count: rowsBuffered) }
      try file?.checkWritten()
    }
    rowsWritten += rowsBuffered
    rowsBuffered = 0
  }

  private func misuse(_ code: Problem.Code, _ problem: String) -> Problem {
    Problem(
      code, path, problem: problem,
      remedy: "append the captures of all described prompts, each once and in order")
  }
}
