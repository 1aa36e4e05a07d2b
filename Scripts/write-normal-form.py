#!/usr/bin/env python3
"""Writes Sources/Tokenization/NormalForm+Table.swift from the Unicode data of this Python.

usage: Scripts/write-normal-form.py > Sources/Tokenization/NormalForm+Table.swift

It asks unicodedata for decompositions, combining classes and what composes; Python 3.11 has Unicode
14.0.0. Hangul syllables are left out: they follow from their numbers.
"""

import sys
import unicodedata

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
SCALARS = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]


def number(value):
    text = ""
    while True:
        value, digit = divmod(value, 36)
        text = DIGITS[digit] + text
        if value == 0:
            return text


def canonical(code):
    """The first step of the canonical decomposition: none, one or two code points."""
    parts = unicodedata.decomposition(chr(code)).split()
    return [] if not parts or parts[0].startswith("<") else [int(part, 16) for part in parts]


def decompositions():
    expected = None
    for code in SCALARS:
        parts = canonical(code)
        if not parts:
            continue
        if code != expected:
            yield "=" + number(code)
        expected = code + 1
        composes = len(parts) == 2 and unicodedata.normalize("NFC", chr(code)) == chr(code)
        yield ("+" if composes else ".").join(map(number, parts))


def classes():
    runs = []
    for code in SCALARS:
        value = unicodedata.combining(chr(code))
        if value == 0:
            continue
        if runs and runs[-1][0] + runs[-1][1] == code and runs[-1][2] == value:
            runs[-1][1] += 1
        else:
            runs.append([code, 1, value])
    for run in runs:
        yield ".".join(map(number, run))


def literal(words):
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 > 92:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join("    " + line + " \\" for line in lines)


print(f'''// Written by Scripts/write-normal-form.py from the data of Unicode {unicodedata.unidata_version}.

extension NormalForm {{
  /// The version of Unicode whose data these are.
  static let unicodeVersion = "{unicodedata.unidata_version}"

  /// Canonical decompositions of one step, all numbers in base 36: `=code` says whose comes next, and each
  /// further word is that of the next code point. `a+b` composes again; `a.b` and `a` do not.
  static let decompositionTable = """
{literal(decompositions())}

    """

  /// Canonical combining classes other than 0, in base 36: first code point, how many, class.
  static let classTable = """
{literal(classes())}

    """
}}''')
