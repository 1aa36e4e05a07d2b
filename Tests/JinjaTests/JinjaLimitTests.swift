import Files
import Testing

@testable import Jinja

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
    "{% set s = 'a' * 999000 %}{{ s|list|length }}": "steps",
    "{% set s = 'a,' * 999000 %}{{ s.split(',')|length }}": "steps",
    "{% set s = 'a\n' * 999000 %}{{ s.splitlines()|length }}": "steps",
    "{% set s = 'a ' * 999000 %}{{ s.split()|length }}": "steps",
    "{{ ('a' * 999000)|reverse }}": "steps",
    "{% set s = 'a' * 9000000 %}{{ s[0] }}{{ s[::2] }}": "steps",
    "{{ ('\n' * 9000000)|indent }}": "steps",
    "{{ ('a' * 9000000).count('a') }}{{ ('a' * 9000000)|replace('a', 'b') }}": "steps",
    "{{ ['\0' * 16000000] }}": "steps",
    "{{ ('\0' * 16000000)|tojson }}": "steps",
    "{% set s = 'a' * 4000000 %}{% for x in range(99999) %}{{ [s]|unique|length }}{% endfor %}":
      "steps",
    "{% set s = 'a' * 4000000 %}{% set d = {'a': 1} %}{% for x in range(99999) %}{{ d[s] }}"
      + "{{ d.get(s) }}{{ s in d }}{% endfor %}": "steps",
    "{% set s = 'a' * 4000000 %}{% for x in range(99999) %}{% set d = {s: 1} %}{% endfor %}":
      "steps",
    "{% set s = 'a' * 4000000 %}{% for x in range(99999) %}{{ s is upper }}{% endfor %}": "steps",
    "{% set s = '1' * 4000000 %}{% for x in range(99999) %}{{ s|float }}{% endfor %}": "steps",
    "{% set s = 'ab' * 4000000 %}{% for x in range(99999) %}{{ 'a'.strip(s) }}{% endfor %}":
      "steps",
    "{% set s = 'a' * 4000000 %}{{ s.startswith((s ~ 'b',) * 99999) }}": "too large",
    "{% set s = 'a' * 9000000 %}{{ s in s }}": "steps",
    "{{ [1]|map(attribute='.' * 9000000)|list }}": "steps",
    "{{ [[[[1]]]]|tojson(indent='a' * 9000000) }}": "cannot indent",
    "{{ [1, 2]|tojson(separators=['a' * 9000000, '']) }}": "separators",
    "{{ strftime_now('%A' * 7000000) }}": "strftime_now",
    "{{ raise_exception('a' * 9000000) }}": "aaa...",
    "{{ namespace(a=1)['a' * 9000000].b }}": "aaa...",
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

  /// Beside a document of three megabytes, with which a template may make the longest texts.
  @Test(arguments: hostile) func isRefusedQuickly(_ source: String, _ reason: String) throws {
    let document = JSON.string([UInt8](repeating: UInt8(ascii: "a"), count: 3_000_000))
    for variables in [["document": document], [:]] {
      let start = threadSeconds()
      let result = Result { try render("{#document#}" + source, variables) }
      // Without the document a text may be too long already.
      let reasons = variables.isEmpty ? [reason, "longer than"] : [reason]
      let message =
        switch result {
        case .success(let text): "rendered \(text.string.prefix(100))"
        case .failure(let error): "\(error)"
        }
      #expect(reasons.contains { message.contains($0) }, "\(source): \(message)")
      // Tests run unoptimised; an optimised build takes less than a second.
      #expect(threadSeconds() - start < 15, "\(source.prefix(100))")
    }
  }

  /// What a template makes out of little is short: it is cut into tokens afterwards, which takes far more
  /// memory than the text.
  @Test(arguments: [
    "{{ 'a'|replace('a', 'b' * 10000000) }}", "{{ 'a' * 300000 }}",
    "{% for x in range(30000) %}{{ 'a' * 10 }}{% endfor %}", "{{ (['a' * 20] * 20000)|join }}",
    "{% set ns = namespace(s='a') %}{% for x in range(40) %}{% set ns.s = ns.s + ns.s %}"
      + "{% endfor %}",
    "{% set s %}{% for x in range(300) %}{{ 'a' * 1000 }}{% endfor %}{% endset %}{{ s }}",
    "{% macro f(n) %}{{ 'a' * 1000 }}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}"
      + "{% endmacro %}{{ f(12) }}",
    "{{ ([['a' * 100] * 60] * 60)|tojson(indent=60) }}",
    "{{ ('\n' * 5000)|indent(60, true, true) }}",
    "{{ ([['a' * 100] * 60] * 60)|string }}", "{{ (['a' * 1000] * 999)|map('upper')|join(',') }}",
    "{% for x in range(99999) %}{{ [1, 2] }}{% endfor %}",
  ]) func aTextOutOfNothingIsShort(source: String) throws {
    let error = expectProblem(.templateLimit) { _ = try render(source) }
    #expect(error?.problem.contains("longer than 2") == true, "\(source): \(error?.problem ?? "")")
  }

  @Test func aTextThatWasGivenMayBeLong() throws {
    let document = JSON.string([UInt8](repeating: UInt8(ascii: "a"), count: 10_000_000))
    let text = try render("{{ document }}{{ 'b' * 200000 }}", ["document": document])
    #expect(text.stretches.map(\.bytes.count) == [10_000_000, 200_000])
    let short = JSON.string([UInt8](repeating: 0x1, count: 100_000))
    let escaped = try render("{{ document|tojson }}", ["document": short])
    #expect(escaped.count == 600_002)
  }

  @Test func deepNestingIsRefused() throws {
    let count = 20_000
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("{'a':", "}")] {
      let source =
        "{{ \(String(repeating: open, count: count))1"
        + "\(String(repeating: close, count: count)) }}"
      expectProblem(.templateLimit) { try render(source) }
    }
    let blocks = String(repeating: "{% if true %}", count: count)
    expectProblem(.templateLimit) { try render(blocks) }
    let ternary = String(repeating: "1 if 0 else ", count: count / 2)
    expectProblem(.templateLimit) { try render("{{ \(ternary) 2 }}") }
    // Chains in brackets: each is short enough, all of them are a deep tree, which is freed again.
    let chains = String(repeating: ".a", count: 63) + ")"
    let brackets = String(repeating: "(", count: 60)
    let deep = "{{ \(brackets)x\(String(repeating: chains, count: 60)) }}"
    let error = expectProblem(.templateLimit) { try render(deep) }
    #expect(error?.problem == "the template recurses too deep")
    let members = String(repeating: ".a", count: count)
    expectProblem(.templateLimit) { try render("{{ x\(members) }}") }
  }

  @Test func nestingUpToTheLimitIsFine() throws {
    let blocks = String(repeating: "{% if true %}", count: 60)
    let ends = String(repeating: "{% endif %}", count: 60)
    #expect(try render("\(blocks)x\(ends)").string == "x")
    let brackets = String(repeating: "(", count: 60)
    #expect(try render("{{ \(brackets)7\(String(repeating: ")", count: 60)) }}").string == "7")
    let recursion = "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{% endif %}x{% endmacro %}{{ f(20) }}"
    #expect(try render(recursion).string == String(repeating: "x", count: 21))
  }

  @Test func longChainsAndLargeTemplatesAreFine() throws {
    let sum = "{{ 0" + String(repeating: " + 1", count: 20_000) + " }}"
    #expect(try render(sum).string == "20000")
    let large = String(repeating: "0123456789 { } \n", count: 8_000)
    #expect(try render(large).stretches.count == 1)
  }

  @Test func aTemplateOfAMegabyteIsRefused() {
    for piece in ["0123456789 { } \n", "{{ a }}", "{% if a %}{% endif %}", "{#-#}"] {
      let source = String(repeating: piece, count: 1_000_000 / piece.utf8.count)
      let error = expectProblem(.templateLimit) { try render(source) }
      #expect(error?.subject == "test")
      #expect(error?.problem == "the chat template is longer than 131072 bytes")
    }
  }

  @Test func searchIsLinear() throws {
    let text = JinjaText(String(repeating: "a", count: 1_000_000))
    let needle = JinjaText(String(repeating: "a", count: 500_000) + "b")
    #expect(text.occurrences(of: needle).isEmpty)
    #expect(text.occurrences(of: JinjaText("aa")).count == 500_000)
  }

  @Test func errorsNameFileLineAndRemedy() throws {
    let error = expectProblem(.templateError) { try render("a\nb\n{{ c.d }}") }
    #expect(error?.subject == "test")
    #expect(error?.place == "line 3")
    #expect(error?.remedy.isEmpty == false)
  }
}
