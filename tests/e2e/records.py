"""Records as Redis has them: each field by its letter, many facts in one (core/store/record.h)."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def record_fields():
    """(letter, name) of each field of a record."""
    with open(os.path.join(ROOT, "core", "store", "record.h"), encoding="utf-8") as file:
        return re.findall(r"X\((\w+), (\w+), \w+, \w+, \w+\)", file.read())


LETTERS = {name: letter for letter, name in record_fields()}
NAMES = {letter: name for name, letter in LETTERS.items()}

# Commands on a record, and where the names of its fields are.
FIELDS_OF = {"HGET": slice(2, 3), "HEXISTS": slice(2, 3), "HSET": slice(2, None, 2), "HDEL": slice(2, None),
             "HMGET": slice(2, None), "HINCRBY": slice(2, 3), "HSETNX": slice(2, 3)}  # fmt: skip


def with_letters(words):
    """The same command; on a record, its fields by their letters."""
    words = list(words)
    if len(words) > 2 and words[0] in FIELDS_OF and words[1].startswith("{spool}:t:"):
        at = FIELDS_OF[words[0]]
        words[at] = [LETTERS.get(word, word) for word in words[at]]
    return words


def unpacked(text):
    """The words that a script has packed: an array of strings in MessagePack."""
    data = text.encode("utf-8", "surrogateescape")
    at, words = {0xDC: 3, 0xDD: 5}.get(data[0], 1), []
    while at < len(data):
        head, at = data[at], at + 1
        size = {0xD9: 1, 0xDA: 2, 0xDB: 4}.get(head, 0)
        length = int.from_bytes(data[at : at + size], "big") if size else head & 0x1F
        words.append(data[at + size : at + size + length].decode("utf-8", "surrogateescape"))
        at += size + length
    return words


def with_names(fields):
    """A record's fields by their names."""
    return {NAMES.get(letter, letter): value for letter, value in fields.items()}
