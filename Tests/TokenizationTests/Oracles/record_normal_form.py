"""Records Unicode's normal form C as Python's unicodedata has it, for the tests of Tokenization.

    python record_normal_form.py OUTPUT_FOLDER

Recorded with Python 3.11.7, whose unicodedata has Unicode 14.0.0; writes normal_form.json. Each digest is
the SHA-256, cut to 16 digits, of normalised texts in UTF-8 with a line break after each.
"""

import hashlib
import json
import sys
import unicodedata
from pathlib import Path

SCALARS = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
# Where random texts take their code points from: letters, marks of several scripts, Korean.
RANGES = [
    (0x41, 0x7A), (0xC0, 0x24F), (0x300, 0x36F), (0x300, 0x345), (0x391, 0x3CE), (0x591, 0x5C7),
    (0x610, 0x65F), (0x900, 0xDFF), (0xF3E, 0xFBC), (0x1100, 0x1112), (0x1161, 0x1175),
    (0x11A7, 0x11C3), (0x1AB0, 0x1ACE), (0x1DC0, 0x1DFF), (0x1E00, 0x1FFF), (0x20D0, 0x20F0),
    (0x2126, 0x212B), (0x302A, 0x309A), (0xAC00, 0xAC70), (0xD780, 0xD7A4), (0xF900, 0xFAD9),
    (0xFB1D, 0xFB4E), (0x11080, 0x11180), (0x114B0, 0x115BF), (0x1D157, 0x1D1C0), (0x2F800, 0x2FA1D),
]


def normal(text):
    return unicodedata.normalize("NFC", text)


def digest(texts):
    return hashlib.sha256("".join(normal(text) + "\n" for text in texts).encode()).hexdigest()[:16]


def canonical(code):
    parts = unicodedata.decomposition(chr(code)).split()
    return [] if not parts or parts[0].startswith("<") else [int(part, 16) for part in parts]


def random_texts(seed, count, longest):
    state = seed

    def below(bound):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % bound

    for _ in range(count):
        text = ""
        for _ in range(1 + below(longest)):
            first, last = RANGES[below(len(RANGES))]
            text += chr(first + below(last - first + 1))
        yield text


blocks = {}
for code in SCALARS:
    blocks.setdefault(code >> 12, []).append(code)
pairs = [parts for code in SCALARS if len(parts := canonical(code)) == 2]
firsts = sorted({pair[0] for pair in pairs} | {0x1100, 0x1112, 0xAC00, 0xAC01, 0xD788, 0xD7A3})
seconds = sorted({pair[1] for pair in pairs} | {0x1161, 0x1175, 0x11A7, 0x11A8, 0x11C2, 0x11C3})
korean = (
    (chr(first), chr(second))
    for firsts, seconds in (
        (range(0x1100, 0x1113), range(0x1161, 0x1176)),
        (range(0xAC00, 0xD7A4, 28), range(0x11A7, 0x11C4)),
    )
    for first in firsts
    for second in seconds
)
record = {
    "unicode": unicodedata.unidata_version,
    "alone": [digest(map(chr, blocks[number])) for number in sorted(blocks)],
    # Each code point between others that may order, compose or block it.
    "between": [
        digest(f"a\u0301{chr(code)}\u0301\u0323\u4eca{chr(code)}" for code in blocks[number])
        for number in sorted(blocks)
    ],
    "firsts": firsts,
    "seconds": seconds,
    "pairs": [digest(chr(first) + chr(second) for second in seconds) for first in firsts],
    "korean": digest(first + second for first, second in korean),
    "ranges": RANGES,
    "random": [digest(random_texts(seed, 500, 12)) for seed in range(1, 41)],
    "long": [digest(random_texts(seed, 5, 2000)) for seed in range(101, 111)],
}
path = Path(sys.argv[1]) / "normal_form.json"
path.write_text(json.dumps(record, separators=(",", ":")) + "\n")
