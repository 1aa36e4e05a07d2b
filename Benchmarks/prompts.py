"""The prompts of the benchmark: plain sentences without meaning, the same on every machine."""
import hashlib

WHO = ["The committee", "A young engineer", "The city council", "My neighbour", "The orchestra",
       "An old sailor", "The museum", "The railway company", "A careful student", "The village"]
DID = ["described", "painted", "measured", "repaired", "questioned", "published", "collected",
       "compared", "remembered", "replaced"]
WHAT = ["the northern road", "a small telescope", "a box of letters", "the winter harvest",
        "a long equation", "the new library", "an unusual map", "the stone bridge", "a wooden clock",
        "the second chapter"]
HOW = ["in the summer of 1987", "without any help", "with remarkable patience", "before sunrise",
       "although the budget was only 450 dollars", "because nobody else would",
       "and wrote a short report", "while it rained", "for the third time", "on a quiet Sunday"]

WORDS_PER_TOKEN = 0.865


def choose(words, *key):
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return words[int.from_bytes(digest[:8], "big") % len(words)]


def prompt(number, count):
    """Prompt `number` of `count`: 32 to 160 tokens, evenly spread in an order without a trend."""
    target = 32 + 128 * (number * 97 % count) / max(1, count - 1)
    words, sentence = [], 0
    while len(words) < target * WORDS_PER_TOKEN:
        parts = [choose(part, number, sentence, place)
                 for place, part in enumerate((WHO, DID, WHAT, HOW))]
        words += (" ".join(parts) + ".").split()
        sentence += 1
    return " ".join(words[:round(target * WORDS_PER_TOKEN)])


def prompts(count):
    return [{"id": f"p{number}", "text": prompt(number, count)} for number in range(count)]
