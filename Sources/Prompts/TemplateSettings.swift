import Files
import Jinja

/// What fills in a chat template besides the messages.
///
///     let settings = TemplateSettings(variables: ["enable_thinking": .bool(false)])
public struct TemplateSettings: Equatable, Sendable {
  /// What encloses thinking; guessed from the template when nil.
  public var markers: ThinkingMarkers?
  /// What a template that writes the date takes for today.
  public var date: TemplateDate
  /// Further variables of the template, such as `enable_thinking`.
  public var variables: [String: JSON]

  /// - Parameter date: the present in UTC unless given.
  public init(
    markers: ThinkingMarkers? = nil, date: TemplateDate = .now, variables: [String: JSON] = [:]
  ) {
    self.markers = markers
    self.date = date
    self.variables = variables
  }
}
