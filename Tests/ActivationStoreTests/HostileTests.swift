import CHDF5
import Files
import Foundation
import Testing

@testable import ActivationStore
@testable import Transformer

/// Files that are whole for libhdf5 but are not what they should be.
@Suite struct HostileTests {
  let folder: ScratchFolder
  let path: String

  init() throws {
    folder = try ScratchFolder()
    path = folder.file("acts.h5")
  }

  /// Changes a whole file through libhdf5, and returns what opening it says then.
  private func after(
    _ change: (HDF5Object) throws(Problem) -> Void
  ) throws -> Problem? {
    try StoreFixture.write(path, StoreFixture.description())
    try FileManager.default.removeItem(atPath: Journal.path(of: path))
    try HDF5.locked {
      let file = try StoreFixture.openToChange(path)
      try change(file)
      try file.closeFile()
    }
    return StoreFixture.errorOpening(path)
  }

  private func remove(_ name: String, _ file: HDF5Object) throws(Problem) {
    try file.check(H5Ldelete(file.id, name, bathyscope_h5_default()))
  }

  private func overwrite<T: BitwiseCopyable>(
    _ name: String, _ values: [T], _ type: HDF5Type
  ) throws -> Problem? {
    try after { (file) throws(Problem) in
      try HDF5Object(H5Oopen(file.id, name, bathyscope_h5_default()), path, name)
        .write(values, type)
    }
  }

  /// Puts another data set in the place of one.
  private func replace(
    _ name: String, _ type: HDF5Type, _ shape: [Int],
    configure: (HDF5Object) throws(Problem) -> Void = { _ in }
  ) throws -> Problem? {
    try after { (file) throws(Problem) in
      try remove(name, file)
      let dataSet = try file.createDataSet(
        name, type, shape.map { HDF5Dimension(size: $0, scale: nil) }, configure: configure)
      try dataSet.setAttribute("hook", "ln_final.hook_out")
    }
  }

  @Test func unchangedFileOpens() throws {
    #expect(try after { _ in } == nil)
  }

  @Test func newerVersionIsNamed() throws {
    let error = try after { (file) throws(Problem) in
      try file.check(H5Adelete(file.id, "format_version"))
      try file.setAttribute("format_version", Int64(3), .int64)
    }
    #expect(error?.place == "/ attribute format_version")
    #expect(error?.code == .unknownVersion)
  }

  @Test(arguments: ["format", "kernel", "seed", "model_sha256", "config_sha256"])
  func missingAttributeIsNamed(_ name: String) throws {
    let error = try after { (file) throws(Problem) in
      try file.check(H5Adelete(file.id, name))
    }
    #expect(error?.place == "/ attribute \(name)")
    #expect(error?.code == .missingField)
  }

  @Test(arguments: ["index", "tokens/id", "labels", "acts", "acts/layer"])
  func missingMemberIsNamed(_ name: String) throws {
    let error = try after { (file) throws(Problem) in try remove(name, file) }
    #expect(error?.place == "/\(name)")
  }

  @Test(
    arguments: [
      [0, 5, 3, 11, 18, 26], [1, 5, 5, 12, 19, 28], [0, 5, 5, 12, 19, 1 << 40],
      [0, -5, 5, 12, 19, 28], [0, 5, 5, 12, 19, 27],
    ] as [[Int64]])
  func badOffsetsAreNamed(_ offsets: [Int64]) throws {
    #expect(try overwrite("index/prompt_offset", offsets, .int64)?.place == "/index/prompt_offset")
    #expect(try overwrite("tokens/offset", offsets, .int64) != nil)
  }

  @Test func valuesThatContradictAreNamed() throws {
    let rows = StoreFixture.description().rowCount
    let positions = [Int32](repeating: 99, count: rows)
    #expect(try overwrite("index/position", positions, .int32)?.place == "/index/position")
    let segments = [UInt8](repeating: 9, count: rows)
    #expect(try overwrite("index/segment", segments, .uint8)?.place == "/index/segment")
    let layers = try overwrite("acts/layer", [2, 0] as [Int32], .int32)
    #expect(layers?.place == "/acts/layer", "\(String(describing: layers))")
  }

  @Test func otherShapesAndTypesAreNamed() throws {
    let rows = StoreFixture.description().rowCount
    #expect(try replace("acts/ln_final", .float32, [rows])?.code == .wrongShape)
    #expect(try replace("acts/ln_final", .float64, [rows, 8])?.code == .wrongType)
    #expect(try replace("index/position", .int64, [rows])?.place == "/index/position")
    #expect(try replace("index/position", .int32, [1 << 40])?.code == .cutShort)
    #expect(try replace("labels/score", .float64, [0])?.place == "/labels/score")
  }

  @Test func valuesThatAreNotInTheFileAreRefused() throws {
    let rows = StoreFixture.description().rowCount
    let lacking = try replace("acts/ln_final", .float32, [rows, 8]) {
      (list) throws(Problem) in
      try list.check(H5Pset_chunk(list.id, 2, [4, 8]))
    }
    #expect(lacking?.code == .cutShort)
    let filtered = try replace("acts/ln_final", .float32, [rows, 8]) {
      (list) throws(Problem) in
      try list.check(H5Pset_chunk(list.id, 2, [4, 8]))
      try list.check(H5Pset_filter(list.id, 32015, 1, 0, nil))
    }
    #expect(filtered?.code == .unsupported && filtered?.problem.contains("32015") == true)
    let virtual = try replace("acts/ln_final", .float32, [rows, 8]) {
      (list) throws(Problem) in
      let space = try HDF5Object.space([rows, 8], path)
      try list.check(H5Pset_virtual(list.id, space.id, "absent.h5", "x", space.id))
    }
    #expect(virtual?.code == .unsupported)
    let external = try replace("acts/ln_final", .float32, [rows, 8]) {
      (list) throws(Problem) in
      try list.check(H5Pset_external(list.id, "/etc/passwd", 0, UInt64(rows * 32)))
    }
    #expect(external?.code == .externalLink)
  }

  @Test func linksAreNotFollowed() throws {
    let none = bathyscope_h5_default()
    let external = try after { (file) throws(Problem) in
      try remove("index/position", file)
      try file.check(
        H5Lcreate_external("other.h5", "/index/position", file.id, "index/position", none, none))
    }
    #expect(external?.place == "/index/position")
    #expect(external != nil)
    let soft = try after { (file) throws(Problem) in
      try remove("index/position", file)
      try file.check(
        H5Lcreate_soft("/index/segment", file.id, "index/position", none, none))
    }
    #expect(soft?.code == .externalLink)
  }

  @Test func whatIsNoHDF5FileIsNamed() throws {
    let text = folder.file("text.h5")
    try Data("no HDF5 file at all".utf8).write(to: URL(fileURLWithPath: text))
    #expect(StoreFixture.errorOpening(text)?.code == .wrongFormat)
    try Data().write(to: URL(fileURLWithPath: text))
    #expect(StoreFixture.errorOpening(text)?.code == .wrongFormat)
    #expect(StoreFixture.errorOpening(folder.path)?.subject == folder.path)
    #expect(StoreFixture.errorOpening(folder.file("none"))?.code == .missing)
    let pipe = folder.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(StoreFixture.errorOpening(pipe)?.code == .notAFile)
  }

  @Test func journalOfAnotherFileIsNoticed() throws {
    let description = StoreFixture.description()
    let journal = try StoreFixture.write(path, description)
    #expect(try Journal.verify(path) == journal)
    var bytes = try readFile(path)
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    expectProblem(.digestDiffers) { try Journal.verify(path) }
    try StoreFixture.write(path, StoreFixture.description(tokensPerPrompt: 6))
    try FileManager.default.removeItem(atPath: Journal.path(of: path))
    var draft = try journal.draft(beside: path)
    try draft.commit()
    #expect(StoreFixture.errorOpening(path)?.code == .otherJournal)
    for text in ["", "{}", #"{"schema":"x"}"#, "[1,]"] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: Journal.path(of: path)))
      #expect(StoreFixture.errorOpening(path)?.subject == Journal.path(of: path))
    }
    try FileManager.default.removeItem(atPath: Journal.path(of: path))
    expectProblem(.missing) { try Journal.verify(path) }
  }
}
