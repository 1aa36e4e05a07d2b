/// What went wrong, where, and what to do about it: the one error of all rooms.
///
/// A test, a script or a program that catches a problem asks for its `code`; the words are for people and may
/// change.
///
///     do {
///       let model = try Model.load(from: folder)
///     } catch let problem as Problem where problem.code == .missing {
///       print(problem.subject, "is not there:", problem.remedy)
///     }
public struct Problem: Error, Sendable, CustomStringConvertible {
  /// What kind of problem it is.
  public var code: Code
  /// The file, hook, statistic or option concerned.
  public var subject: String
  /// The field, line, tensor or item in it; empty where the whole is meant.
  public var place: String
  /// What is wrong with it.
  public var problem: String
  /// What its reader can do.
  public var remedy: String
  /// What a library or the system said, where it was one of them that failed.
  public var underlying: (any Error)?

  /// A problem with a subject, or with a place in it.
  public init(
    _ code: Code, _ subject: String, place: String = "", problem: String, remedy: String,
    underlying: (any Error)? = nil
  ) {
    self.code = code
    self.subject = subject
    self.place = place
    self.problem = problem
    self.remedy = remedy
    self.underlying = underlying
  }

  /// All of it on one line, whatever the parts are made of.
  public var description: String {
    let parts = [subject, place, problem, remedy].map { onOneLine($0, limit: 1000) }
    let place = parts[1].isEmpty ? "" : " \(parts[1]):"
    return "\(parts[0]):\(place) \(parts[2]); \(parts[3])"
  }
}

extension Problem: Equatable {
  /// Whether two problems say the same; what caused them does not count.
  public static func == (first: Problem, second: Problem) -> Bool {
    first.code == second.code && first.subject == second.subject && first.place == second.place
      && first.problem == second.problem && first.remedy == second.remedy
  }
}

extension Problem {
  /// The name of a kind of problem, the same in every version: `missing`, `damaged`, `wrong-model`.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    /// Whose fault it is, which decides the status that a command exits with.
    public enum Fault: Int32, Hashable, Sendable {
      /// The words of a command or the arguments of a call.
      case usage = 2
      /// Two things that do not belong together: models, prompts, configurations, results.
      case conflict = 3
      /// A file, what a server answered, or the machine.
      case input = 4
    }

    /// In lower case with hyphens.
    public let name: String
    /// Whose fault it is.
    public let fault: Fault

    /// A code; a room states its own once, as static members.
    package init(_ name: String, _ fault: Fault = .input) {
      self.name = name
      self.fault = fault
    }

    /// The name, as messages and documentation have it.
    public var description: String { name }
  }
}

extension Problem.Code {
  /// A file or folder is not there.
  public static let missing = Self("missing")
  /// A file cannot be read though it is there.
  public static let unreadable = Self("unreadable")
  /// A file or folder cannot be written: permissions, a full disk, a name that is taken.
  public static let unwritable = Self("unwritable")
  /// A file contradicts its format: it was cut, edited or written by a faulty tool.
  public static let damaged = Self("damaged")
  /// A file or a value in it is larger than a sound one can be.
  public static let tooLarge = Self("too-large")
  /// A sound file that asks for something that is not built.
  public static let unsupported = Self("unsupported")
  /// The system gives no more memory, files, threads or stack.
  public static let systemLimit = Self("system-limit")
}
