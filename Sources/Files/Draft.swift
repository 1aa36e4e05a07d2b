import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Keeps apart the drafts of one process.
private let draftCounter = Atomic<Int>(0)

/// A file or folder on its way: `.NAME.PID.N.partial` in the folder in which it will be `NAME`.
///
/// Its writer holds a lock on it. What nobody holds is left of a killed run, and the next run that writes
/// to the folder removes it. Process numbers would not tell: they are used again, and other hosts
/// write to shared disks; a lock ends with its process everywhere.
struct Draft: ~Copyable {
  /// The name that it will have.
  let path: String
  /// Where it is written.
  let temporaryPath: String
  /// Open on it, and holding the lock.
  let descriptor: Int32
  private var isInPlace = false

  /// - Throws: when the folder is missing or cannot be written to.
  init(_ path: String, isFolder: Bool) throws(Problem) {
    self.path = path
    // Not as a URL, which would take ~ for the home folder where rename(2) does not.
    let slash = path.lastIndex(of: "/")
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    let folder = slash.map { String(path[...$0]) } ?? "./"
    guard !name.isEmpty, name != ".", name != ".." else {
      throw Problem(
        .notAFile, path, problem: "names no \(isFolder ? "new folder" : "file")",
        remedy: "name a \(isFolder ? "folder that is to be made" : "file as output")")
    }
    var status = stat()
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw Problem(
        .missing, path, problem: "its folder \(folder) does not exist",
        remedy: "create the folder or choose another output")
    }
    guard access(folder, W_OK) == 0 else {
      throw Problem(
        .unwritable, path, problem: "its folder cannot be written to: \(systemErrorText())",
        remedy: "choose an output in a writable folder")
    }
    Self.removeAbandoned(in: folder)
    let draft = Self.make(start: "\(folder).\(name).\(getpid())", isFolder: isFolder)
    guard let draft else {
      throw Problem(
        .unwritable, path, problem: "cannot be written: \(systemErrorText())",
        remedy: "check free space and permissions")
    }
    (temporaryPath, descriptor) = draft
  }

  deinit {
    if !isInPlace { Self.remove(temporaryPath) }
    close(descriptor)
  }

  /// Gives it its name; false, with `errno`, when that fails.
  mutating func putInPlace() -> Bool {
    isInPlace = rename(temporaryPath, path) == 0
    return isInPlace
  }

  private static func make(
    start: String, isFolder: Bool
  ) -> (path: String, descriptor: Int32)? {
    while true {
      let number = draftCounter.wrappingAdd(1, ordering: .relaxed).newValue
      let path = "\(start).\(number).partial"
      if isFolder, mkdir(path, 0o777) != 0 {
        if errno == EEXIST { continue }
        return nil
      }
      let descriptor =
        isFolder
        ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        // A process of another host may have the same number.
        if errno == EEXIST { continue }
        let reason = errno
        if isFolder { rmdir(path) }
        errno = reason
        return nil
      }
      // Where a file system has no locks, nothing is ever taken for abandoned either.
      flock(descriptor, LOCK_EX)
      if isAt(path, descriptor) { return (path, descriptor) }
      // Another run took it for abandoned before the lock was ours.
      close(descriptor)
    }
  }

  private static func isAt(_ path: String, _ descriptor: Int32) -> Bool {
    var (there, mine) = (stat(), stat())
    return lstat(path, &there) == 0 && fstat(descriptor, &mine) == 0
      && there.st_ino == mine.st_ino && there.st_dev == mine.st_dev
  }

  /// Removes the drafts in a folder that no living process writes.
  private static func removeAbandoned(in folder: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where isName(name) {
      let path = folder + name
      let flags = O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC
      // Some network file systems lock only what is open for writing, as no folder can be.
      var descriptor = open(path, O_RDWR | flags)
      if descriptor < 0, errno == EISDIR { descriptor = open(path, O_RDONLY | flags) }
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0, isAt(path, descriptor) { remove(path) }
    }
  }

  /// Whether a name is a draft's: `.NAME.PID.N.partial`.
  private static func isName(_ name: String) -> Bool {
    guard name.hasPrefix("."), name.hasSuffix(".partial") else { return false }
    let parts = name.split(separator: ".")
    return parts.count >= 4 && parts.dropLast().suffix(2).allSatisfy { Int($0) != nil }
  }

  private static func remove(_ path: String) {
    if unlink(path) != 0 { try? FileManager.default.removeItem(atPath: path) }
  }
}
