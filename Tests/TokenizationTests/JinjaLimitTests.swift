import Files
import Testing

@testable import Tokenization

/// A template is a program from a stranger: it ends, soon, with little memory.
struct JinjaLimitTests {
  static let hostile: [String: String] = [
    "{{ ''.__class__ }}": "private",
    "{{ messages.__init__ }}": "private",
    "{{ x['__class__'] if x is defined else ''['__class__'] }}": "private",
    "{% set ns = namespace(__a=1) %}": "private",
    "{% set ns = namespace() %}{% set ns._a = 1 %}": "private",
    "{% include '/etc/passwd' %}": "'include'",
    "{% import 'os' as os %}": "'import'",
    "{% from 'a' import b %}": "'from'",
    "{% extends 'a' %}": "'extends'",
    "{% raw %}{{ x }}{% endraw %}": "'raw'",
    "{% filter upper %}x{% endfilter %}": "'filter'",
    "{{ self }}{{ self() }}": "undefined",
    "{{ range(10**9) }}": "range",
    "{{ range(-9223372036854775807, 9223372036854775807) }}": "range",
    "{{ 'a' * 10**9 }}": "longer than",
    "{{ 'a' * 9223372036854775807 }}": "longer than",
    "{{ [0] * 10**9 }}": "longer than",
    "{{ 2 ** 10000 }}": "64 bits",
    "{{ 9223372036854775807 + 1 }}": "64 bits",
    "{{ -9223372036854775807 - 2 }}": "64 bits",
    "{{ (-9223372036854775807 - 1) // -1 }}": "64 bits",
    "{{ (-9223372036854775807 - 1) % -1 }}{{ - (-9223372036854775807 - 1) }}": "64 bits",
    "{{ (-9223372036854775807 - 1)|abs }}": "64 bits",
    "{{ '1e300'|int }}": "64 bits",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "recurses",
    "{% macro f(n) %}{{ g(n) }}{% endmacro %}{% macro g(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}":
      "recurses",
    "{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}": "steps",
    "{% set ns = namespace(s='aaaaaaaa') %}{% for x in range(60) %}"
      + "{% set ns.s = ns.s ~ ns.s %}{% endfor %}": "longer than",
    "{% set ns = namespace(l=[]) %}{% for x in range(999) %}{% set ns.l = [ns.l] %}{% endfor %}":
      "nested",
    "{% set ns = namespace(l=[1]) %}{% for x in range(60) %}{% set ns.l = [ns.l, ns.l] %}"
      + "{% endfor %}{{ ns.l == ns.l }}": "too large",
    "{% set ns = namespace(l=[]) %}{% for x in range(999) %}{% for y in [ns.l] %}"
      + "{% set ns.l = loop %}{% endfor %}{% endfor %}": "nested",
    "{% set s = 'a' * 16000000 %}{{ s }}{{ s }}": "output",
    "{% set s = 'a' * 1000000 %}{{ (s ~ ',' ~ s).split(',')|join(s * 15) }}": "longer than",
    "{% set s = 'a' * 100000 %}{{ s.replace('a', s) }}": "longer than",
    "{% set s = 'a' * 1000000 %}{{ [s] * 100000 }}": "too large",
    "{{ x.y.z }}": "'x' is undefined",
    "{{ undefined_function(1) }}": "'undefined_function' is undefined",
    "{{ messages|nonsense }}": "'nonsense'",
    "{{ 'a'|tojson(2, 3, 4, 5, 6) }}": "at most",
    "{{ 'a'|replace('a') }}": "replace",
    "{{ strftime_now('%Q') }}": "strftime_now",
    "{{ dict.fromkeys }}{{ dict.fromkeys() }}": "no member",
    "{{ 'a'.format(1) }}": "no member",
    "{{ '%s' % 1 }}": "'%'",
    "{{ {1: 2} }}": "keys",
    "{{ namespace(a=1) }}": "no text",
    "{{ loop }}{% for x in [1] %}{{ loop }}{% endfor %}": "no text",
    "{% for x in [1] recursive %}{% endfor %}": "recursive",
    "{{ f(*a) }}": "expected",
    "{{ f(a=1, 2) }}": "without a name",
    "{{ '\\ud800' }}": "escape",
    "\n\n{{ é }}": "line 3",
    "{% if true %}\n{{ 'a' }}": "endif",
  ]

  @Test(arguments: hostile) func isRefusedQuickly(_ source: String, _ reason: String) throws {
    let clock = ContinuousClock()
    var message = ""
    let time = clock.measure {
      do {
        message = "rendered \(try render(source).text.prefix(100))"
      } catch {
        message = "\(error)"
      }
    }
    #expect(message.contains(reason), "\(source): \(message)")
    #expect(time < .seconds(5), "\(source.prefix(100))")
  }

  @Test func deepNestingIsRefused() throws {
    let count = 20_000
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("{'a':", "}")] {
      let source =
        "{{ \(String(repeating: open, count: count))1"
        + "\(String(repeating: close, count: count)) }}"
      #expect(throws: TokenizationError.self) { try render(source) }
    }
    let blocks = String(repeating: "{% if true %}", count: count)
    #expect(throws: TokenizationError.self) { try render(blocks) }
    let ternary = String(repeating: "1 if 0 else ", count: count / 2)
    #expect(throws: TokenizationError.self) { try render("{{ \(ternary) 2 }}") }
    let members = String(repeating: ".a", count: count)
    #expect(throws: TokenizationError.self) { try render("{{ x\(members) }}") }
  }

  @Test func nestingUpToTheLimitIsFine() throws {
    let blocks = String(repeating: "{% if true %}", count: 60)
    let ends = String(repeating: "{% endif %}", count: 60)
    #expect(try render("\(blocks)x\(ends)").text == "x")
    let brackets = String(repeating: "(", count: 60)
    #expect(try render("{{ \(brackets)7\(String(repeating: ")", count: 60)) }}").text == "7")
    let recursion = "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{% endif %}x{% endmacro %}{{ f(20) }}"
    #expect(try render(recursion).text == String(repeating: "x", count: 21))
  }

  @Test func longChainsAndLargeTemplatesAreFine() throws {
    let sum = "{{ 0" + String(repeating: " + 1", count: 20_000) + " }}"
    #expect(try render(sum).text == "20000")
    let large = String(repeating: "0123456789 { } \n", count: 65_000)
    #expect(try render(large).count == 1)
    let error = #expect(throws: TokenizationError.self) { try render(large + large) }
    #expect(error?.problem.contains("longer") == true)
  }

  @Test func searchIsLinear() throws {
    let text = JinjaText(String(repeating: "a", count: 1_000_000))
    let needle = JinjaText(String(repeating: "a", count: 500_000) + "b")
    #expect(text.occurrences(of: needle).isEmpty)
    #expect(text.occurrences(of: JinjaText("aa")).count == 500_000)
  }

  @Test func errorsNameFileLineAndRemedy() throws {
    let error = #expect(throws: TokenizationError.self) { try render("a\nb\n{{ c.d }}") }
    #expect(error?.file == "test")
    #expect(error?.place == "line 3")
    #expect(error?.remedy.isEmpty == false)
  }
}
