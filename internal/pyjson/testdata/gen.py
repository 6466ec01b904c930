"""Writes python.json: what Python's json module makes of awkward values.

    python3 gen.py > python.json          # the committed file
    python3 gen.py 100000 > big.json      # a larger one: PYJSON_DATA=big.json go test -run Python

It needs Python 3.11 or newer (older ones read integers of any size).

    floats   [bits in hex, what dumps() writes]
    float32  [bits in hex, the shortest digits that read back, in repr's form]
    strings  [UTF-8 in hex, with surrogates, what dumps() writes]
    texts    [a JSON text in Latin-1, its members, the value]; null if refused,
             members null if it is no object, the value with its keys sorted
"""
import json
import random
import struct
import sys

SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rand = random.Random(20)


def dumps(value):
    return json.dumps(value, separators=(",", ":"))


def double(bits):
    return struct.unpack(">d", struct.pack(">Q", bits))[0]


def bits_of(f):
    return struct.unpack(">Q", struct.pack(">d", f))[0]


def single(bits):
    return struct.unpack(">f", struct.pack(">I", bits))[0]


def floats(n):
    fixed = [0.0, 1.0, 0.1, 0.5, 1.5, 2.0**53, 1e22, 1e23, 5e-324, 2.2250738585072014e-308, sys.float_info.max,
             123456789.125, 3.14, 1 / 3, float("inf"), float("nan"), 1790000000.123456, 9007199254740993.0]
    fixed += [10.0**e for e in range(-12, 25)] + [float("9" * d) for d in range(1, 20)]
    for edge in (1e-4, 1e-5, 1e16, 1e17, 1e15, 2.0**53, 2.0**63, 2.2250738585072014e-308):
        fixed += [double(bits_of(edge) + d) for d in range(-6, 7)]
    for f in fixed:
        yield f
        yield -f
    for _ in range(n):
        kind = rand.randrange(5)
        if kind == 0:
            yield double(rand.getrandbits(64))
        elif kind == 1:
            yield double(rand.getrandbits(rand.randint(1, 52)))  # subnormal
        elif kind == 2:
            yield rand.uniform(-1, 1) * 10.0 ** rand.randint(-8, 20)
        elif kind == 3:
            yield round(rand.uniform(-1e6, 1e6), rand.randint(0, 6))
        else:
            yield float(rand.randint(-2**60, 2**60))


def shortest32(f):
    """repr(f) if Python had 32-bit floats."""
    for digits in range(1, 10):
        text = "%.*e" % (digits - 1, f)
        try:
            back = struct.pack(">f", float(text))
        except OverflowError:
            continue
        if back == struct.pack(">f", f):
            return repr(float(text))  # so few digits come back from a double


def floats32(n):
    fixed = [0.0, 1.0, 0.1, 1e-4, 1e-5, 1e16, 1e17, 9.9999e-5, 16777216.0, 3.4028234663852886e38]
    for f in fixed:
        b = struct.unpack(">I", struct.pack(">f", f))[0]
        yield from (b + d for d in range(-3, 4) if 0 <= b + d < 0x7F800000)
    for _ in range(n):
        b = rand.getrandbits(32)
        if b >> 23 & 255 != 255:
            yield b


CLASSES = [(0, 0x1F), (0x20, 0x7E), (0x20, 0x7E), (0x7F, 0x9F), (0xA0, 0x2FF), (0x300, 0xD7FF), (0xD800, 0xDBFF),
           (0xDC00, 0xDFFF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF), (0x2026, 0x202A), (0xFFFD, 0xFFFF)]


def strings(n):
    yield ""
    for c in list(range(0x101)) + [0x2028, 0x2029, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0xFEFF, 0xFFFD,
                                   0xFFFF, 0x10000, 0x1F600, 0x10FFFF]:
        yield chr(c)
    yield from ("\\\"/<>&'", "\ud800x\udc00", "\udc00\ud800", "\ud800\ud801", "\ud83d\U0001f600", "a\x00b")
    for _ in range(n):
        text = "".join(chr(rand.randint(*rand.choice(CLASSES))) for _ in range(rand.randint(1, 8)))
        # Neighbours that JSON would join are no WTF-8.
        if text == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"):
            yield text


def value(depth):
    kind = rand.randrange(9 if depth else 7)
    if kind == 0:
        return rand.choice([None, True, False, float("nan"), float("inf"), float("-inf")])
    if kind == 1:
        return rand.choice([0, 1, -1, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 10**40, rand.getrandbits(70)])
    if kind == 2:
        return next(iter([f for f in [double(rand.getrandbits(64))] if f == f] or [0.5]))
    if kind < 7:
        return "".join(chr(rand.randint(*rand.choice(CLASSES))) for _ in range(rand.randint(0, 3)))
    if kind == 7:
        return [value(depth - 1) for _ in range(rand.randint(0, 3))]
    return {str(value(0)): value(depth - 1) for _ in range(rand.randint(0, 3))}


PIECES = list("{}[]:,\"\\ \t\n\r\x0b\x0c\xa0\x85\x00\x1f\x7f\x80\xe9\xff/bfnrtu0123456789aAfFgeE+-._xNI'") + [
    "true", "false", "null", "NaN", "Infinity", "-Infinity", "-NaN", "+1", "01", "-0", "1.", ".5", "1e5", "1E+05",
    "1e400", "-1e400", "1e-400", "\\u00e9", "\\uD800", "\\udc00", "\\u+123", "\\u 123", "\\u1_2", "0x1", "1_0",
    "\"a\"", "\"a\":1", ",,", "[]", "{}", "\\\xe9", "\\\\\xe9", "//", "/**/", "\xef\xbb\xbf"]


def texts(n):
    for piece in PIECES:
        for form in ("%s", " %s\n", "[%s]", "\"%s\"", "{\"a\":%s}", "{%s}", "[1%s]", "{\"a\":1%s}", "{\"%s\":1}", "1%s"):
            yield form.replace("%s", piece)
    yield from ("", " ", "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"\\u0061\":1,\"a\":2}", "{ \"a\" : [ 1 , 2 ] , \"b\" : { } }",
                "\ufeff{}".encode().decode("latin-1"), "{\"a\":\"\\ud83d\\ude00\"}", "{\"\\ud83d\":\"\\ude00\"}", "[1]", "null", "\"{}\"",
                "{\"a\":" + "[" * 50 + "]" * 50 + "}", "9" * 400, "-" + "9" * 400 + "." + "9" * 20)
    for i in range(n):
        text = json.dumps({str(j): value(2) for j in range(rand.randint(1, 3))}, ensure_ascii=True,
                          indent=rand.choice([None, None, 1]), separators=rand.choice([(",", ":"), (" , ", " : ")]))
        for _ in range(rand.choice([0, 1, 1, 2])):
            at = rand.randrange(len(text) + 1)
            text = text[:at] + rand.choice(PIECES) + text[at + rand.choice([0, 0, 1, 2]):]
        yield text


class Pairs(list):
    """The members of an object, duplicates included."""


def read(text):
    try:
        parsed = json.loads(text)
        pairs = json.loads(text, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return [text, None, None]
    members = None
    if isinstance(pairs, Pairs):
        plain = lambda v: {k: plain(w) for k, w in v} if isinstance(v, Pairs) else [plain(w) for w in v] if isinstance(v, list) else v
        members = [[dumps(k), canonical(plain(v))] for k, v in pairs]
    return [text, members, canonical(parsed)]


def canonical(parsed):
    return json.dumps(parsed, separators=(",", ":"), sort_keys=True)


def main():
    out = {
        "python": sys.version.split()[0],
        "floats": [["%x" % bits_of(f), dumps(f)] for f in floats(SIZE or 1500)],
        "float32": [["%x" % b, shortest32(single(b))] for b in floats32(SIZE or 300)],
        "strings": [[s.encode("utf-8", "surrogatepass").hex(), dumps(s)] for s in strings(SIZE or 400)],
        "texts": [read(t) for t in texts(SIZE or 600)],
    }
    print("{")
    for i, (name, rows) in enumerate(out.items()):
        end = "," if i + 1 < len(out) else ""
        if name == "python":
            print(json.dumps(name) + ": " + json.dumps(rows) + end)
            continue
        print(json.dumps(name) + ": [")
        print(",\n".join(json.dumps(row, separators=(",", ":")) for row in rows))
        print("]" + end)
    print("}")


main()
