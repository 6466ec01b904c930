#!/usr/bin/env python3
"""Writes pickle.json beside this file: what CPython's pickle does.

decode: dicts pickled in every protocol. Each member has its name (or the
        pickle of a key that JSON can't express), its JSON text or null where JSON can't
        express it, and its value pickled alone.
encode: JSON texts, and pickle.dumps(json.loads(text)) in protocols 4 and 5; of
        long ones the SHA-256 only. The text is open, with x times "x" for each
        %x; n items, separated by commas, with their numbers for %d; close.
refuse: what must not be decoded, and why.

Run it with CPython 3.9 or later; all of them write the same bytes.
"""
import collections
import datetime
import decimal
import hashlib
import json
import os
import pickle
import struct
import sys
import types
import uuid
import zoneinfo


def stub(module, name):
    """A str subclass as Django's SafeString, under its name."""
    for i, part in enumerate(module.split(".")):
        path = ".".join(module.split(".")[: i + 1])
        sys.modules.setdefault(path, types.ModuleType(path))
    cls = type(name, (str,), {"__module__": module, "__slots__": ()})
    setattr(sys.modules[module], name, cls)
    return cls


SafeString = stub("django.utils.safestring", "SafeString")


def _UTC():
    return UTC


class UTCClass(datetime.tzinfo):
    def __reduce__(self):
        return _UTC, ()

    def utcoffset(self, dt):
        return datetime.timedelta(0)


UTC = UTCClass()
pytz = sys.modules["pytz"] = types.ModuleType("pytz")
_UTC.__module__ = "pytz"
pytz._UTC = _UTC

utc = datetime.timezone.utc
shared_list = [1, "s" * 40]
shared_str = "again and " + str("again")
deep = []
for _ in range(300):
    deep = [deep]

VALUES = {
    "empty": {},
    "auth": {"_auth_user_id": "1", "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
             "_auth_user_hash": "0f1e2d3c" * 8},
    "json": {"n": None, "t": True, "f": False, "l": [], "d": {}, "s": "", "nested": [{"a": [1, {"b": None}]}]},
    "ints": {str(n): n for n in (0, 1, 255, 256, 65535, 65536, 2**31 - 1, 2**31, -1, -128, -129, -(2**31), -(2**31) - 1,
                                 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**40, -(10**40), 2**2040, -(2**2040))},
    "digits": {"most": 10**4300 - 1, "negative": 1 - 10**4300},
    "too_many_digits": {"over": 10**4300, "negative": -(10**4300), "nested": [10**4300]},
    "floats": {"a": 1.0, "b": -0.0, "c": 1e-7, "d": 1e16, "e": 5e-324, "f": 1.7976931348623157e308,
               "g": float("inf"), "h": float("-inf"), "i": float("nan"), "j": 0.1, "k": 1234567.0},
    "strings": {"u": "é日😀\u2028", "c": "\0\x01\x1a\x1f\x7f\x80\n\r\t\"\\/", "raw": "\\u0041 \\x", "hi": "\ud800", "lo": "x\udc00",
                "long": "x" * 300, "k\udfff": 1, "": "empty key", "latin": "ÿ"},
    "surrogate_pair": {"pair": "\ud83d\ude00", "lists": ["\ud83d\ude00"], "\ud83d\ude00": 1},
    "shared": {"a": shared_list, "b": shared_list, "c": [shared_list, shared_list], "d": shared_str, "e": [shared_str] * 3},
    "shared_opaque": {"a": (shared_list, shared_list), "b": {1: shared_list, 2: (shared_str, shared_str)}},
    "tuples": {"t0": (), "t1": (1,), "t2": (1, 2), "t3": (1, 2, 3), "t4": (1, 2, 3, 4), "in list": [(1,)], "in dict": {"x": ()}},
    "sets": {"s0": set(), "s1": {1}, "f0": frozenset(), "f1": frozenset({"x"}), "ff": {frozenset({(1, 2)})}},
    "bytes": {"b": b"", "x": b"\0\xff\x80abc", "long": b"y" * 300, "ba0": bytearray(), "ba": bytearray(b"\xffab")},
    "keys": {"d": {1: "int", None: "none", 1.5: "float", (1, 2): "tuple", True: "no, one"}, "deep": [{"a": {2: 3}}]},
    "odd_keys": {1: "int", "1": "str", None: [1], (1, "x"): (2,), b"k": 1.5, datetime.date(2026, 1, 2): {"a": 1}},
    "datetimes": {"naive": datetime.datetime(2026, 1, 2, 3, 4, 5, 678), "utc": datetime.datetime(2026, 1, 2, tzinfo=utc),
                  "offset": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2), "X")),
                  "zone": datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
                  "pytz": datetime.datetime(2026, 1, 2, tzinfo=UTC), "fold": datetime.datetime(2026, 1, 2, fold=1),
                  "date": datetime.date(2026, 1, 2), "time": datetime.time(1, 2, 3), "aware": datetime.time(1, tzinfo=utc),
                  "delta": datetime.timedelta(-1, 2, 3), "tz": utc},
    "objects": {"dec": decimal.Decimal("1.50"), "nan": decimal.Decimal("NaN"), "uuid": uuid.UUID(int=2**127 + 5),
                "small": uuid.UUID(int=5), "od": collections.OrderedDict([("b", 1), ("a", (2,))]),
                "od0": collections.OrderedDict(), "list": [decimal.Decimal(1), decimal.Decimal(1)]},
    "deep": {"deep": deep},
    "many": {"l": list(range(2100)), "d": {str(i): i for i in range(2000)}, "s": set(range(1500))},
}
SAFE = {"safe": SafeString("<b>"), "list": [SafeString("x")], SafeString("key"): 1}

TEXTS = [
    "{}", '{"a":1}', r'{"":"","x":"x","y":["","x","\u00e9","\u00e9","\u65e5","\u65e5"]}', '{"a":{"a":{"a":"a"}},"b":[{"id":1,"x":"id"},{"id":2,"x":"id"}]}',
    '{"a":[],"b":[1],"c":[1,2],"d":{},"e":{"f":1},"g":{"h":1,"i":2}}',
    '{"i":[0,1,255,256,65535,65536,2147483647,2147483648,-1,-128,-129,-32768,-32769,-2147483648,-2147483649,-0]}',
    '{"i":[9223372036854775807,9223372036854775808,-9223372036854775808,-9223372036854775809,18446744073709551616,-18446744073709551616,549755813887,549755813888,-549755813888,-549755813889]}',
    '{"big":%d,"neg":%d,"edge":%d,"edge4":%d}' % (10**4299, -(10**4299), 2**2039 - 1, 2**2039),
    '{"f":[1.0,-0.0,0.1,1e400,-1e400,1E5,1e-07,5e-324,1e-400,NaN,Infinity,-Infinity,123456789012345680.0]}',
    r'{"s":["\ud800","\udc00x","\ud83d\ude00","\ude00\ud83d","\u0000\u001f\u007f\u0080\u00ff\u0100","\\\"\/\b\f\n\r\t"],"k\udfff":1}',
    '{"w" : [ 1 , 2 ] , "x":\t{ "y" : null }\n}', '{"%s":"%s"}' % ("k" * 255, "v" * 256), '{"t":true,"f":false,"n":null}',
    '["not a dict"]', "null", "[]", '"x"', "1", "1.5", "[[[[]]]]",
]
LONG = [
    {"open": "[", "item": "null", "n": n, "close": "]"} for n in (999, 1000, 1001, 2000, 2001)
] + [
    {"open": "{", "item": '"%d":null', "n": n, "close": "}"} for n in (300, 999, 1000, 1001, 2000, 2001)
] + [
    {"open": '{"a":"', "item": "xxxxxxx", "n": n, "close": '","b":1}'} for n in (8191, 8192, 8193)
] + [
    {"open": '["%x', "x": n, "close": '"]'} for n in (65534, 65535, 65536, 65537)
] + [
    {"open": '{"a%x":["b%x",1,2,3,4],"c":["%x"]}', "x": 65536},
    {"open": "[", "item": "%d", "n": 100000, "close": "]"},
    {"open": "[", "item": '"%d"', "n": 30000, "close": "]"},
    {"open": "[", "item": '{"id":%d,"name":"n%d"}', "n": 9000, "close": "]"},
    {"open": '{"l":[', "item": "[1.5,[]]", "n": 9000, "close": "]}"},
]


def text(s):
    return struct.pack("<I", len(s)).join((b"X", s))


def attacks():
    arg = text(b"id") + b"\x85"
    yield "GLOBAL os.system", b"cos\nsystem\n" + arg + b"R.", "forbidden", "os.system"
    yield "GLOBAL posix.system, protocol 0", b"cposix\nsystem\n(S'id'\ntR.", "forbidden", "posix.system"
    yield "STACK_GLOBAL", b"\x80\x04" + text(b"os") + text(b"system") + b"\x93" + arg + b"R.", "forbidden", "os.system"
    yield "STACK_GLOBAL through the memo", (b"\x80\x04" + text(b"builtins") + b"\x94" + text(b"eval") + b"\x940h\x00h\x01\x93" + arg + b"R."), "forbidden", "builtins.eval"
    yield "STACK_GLOBAL dotted", b"\x80\x04" + text(b"datetime") + text(b"datetime.now") + b"\x93)R.", "forbidden", "datetime.datetime.now"
    yield "STACK_GLOBAL dotted module", b"\x80\x04" + text(b"datetime") + text(b"sys.modules") + b"\x93.", "forbidden", "datetime.sys.modules"
    for name in ("eval", "exec", "__import__", "open", "type", "object.__subclasses__"):
        yield "builtins." + name, b"c__builtin__\n%s\n" % name.encode() + arg + b"R.", "forbidden", "builtins." + name
    yield "INST", b"(" + text(b"id") + b"ios\nsystem\n.", "forbidden", "os.system"
    yield "INST of a harmless class", b"(idatetime\ndatetime\n.", "forbidden", "datetime.datetime"
    yield "INST and a call", b"(idecimal\nDecimal\n" + text(b"1") + b"\x85R.", "forbidden", "decimal.Decimal"
    yield "calling a helper's argument", b"cbuiltins\nobject\n)R.", "forbidden", "builtins.object"
    yield "calling getattr without arguments", b"cbuiltins\ngetattr\n)R.", "forbidden", "builtins.getattr"
    yield "getattr of another class", b"cbuiltins\ngetattr\ncdatetime\ndatetime\n" + text(b"_unpickle") + b"\x86R" + text(b"UTC") + b"K\x01\x86R.", "forbidden", "builtins.getattr"
    yield "OBJ", b"(cdatetime\ndatetime\n" + text(b"id") + b"o.", "forbidden", "OBJ"
    yield "NEWOBJ", b"\x80\x02csubprocess\nPopen\n" + arg + b"\x81.", "forbidden", "subprocess.Popen"
    yield "NEWOBJ of what is to be called", b"\x80\x02cdecimal\nDecimal\n" + text(b"1") + b"\x85\x81.", "forbidden", "decimal.Decimal"
    yield "REDUCE of what is to be made by NEWOBJ", b"\x80\x02cuuid\nUUID\n)R.", "forbidden", "uuid.UUID"
    yield "NEWOBJ_EX", b"\x80\x04cdatetime\ndate\n)}\x92.", "forbidden", "NEWOBJ_EX"
    yield "EXT1", b"\x80\x02\x82\x01.", "forbidden", "EXT1"
    yield "EXT2", b"\x80\x02\x83\x01\x00.", "forbidden", "EXT2"
    yield "EXT4", b"\x80\x02\x84\x01\x00\x00\x00.", "forbidden", "EXT4"
    yield "PERSID", b"Pid\n.", "forbidden", "PERSID"
    yield "BINPERSID", text(b"id") + b"Q.", "forbidden", "BINPERSID"
    yield "NEXT_BUFFER", b"\x80\x05\x97.", "forbidden", "NEXT_BUFFER"
    yield "READONLY_BUFFER", b"\x80\x05C\x01x\x98.", "forbidden", "READONLY_BUFFER"
    yield "BUILD of a dict", b"}}b.", "forbidden", "BUILD"
    yield "BUILD of a datetime", b"cdatetime\ndate\nC\x04\x07\xea\x01\x02\x85R}b.", "forbidden", "BUILD"
    yield "BUILD with attributes", b"cuuid\nUUID\n)\x81}" + text(b"__class__") + b"K\x01sb.", "forbidden", "BUILD"
    yield "BUILD with an object", b"cuuid\nUUID\n)\x81}" + text(b"int") + b"Nsb.", "forbidden", "BUILD"
    yield "getattr", b"cbuiltins\ngetattr\ncdatetime\ndatetime\n" + text(b"now") + b"\x86R.", "forbidden", "builtins.getattr"
    yield "getattr of ZoneInfo", b"cbuiltins\ngetattr\nczoneinfo\nZoneInfo\n" + text(b"clear_cache") + b"\x86R)R.", "forbidden", "builtins.getattr"
    yield "ZoneInfo by its constructor", b"czoneinfo\nZoneInfo\n" + text(b"UTC") + b"\x85R.", "forbidden", "zoneinfo.ZoneInfo"
    yield "a class as a value", b"}K\x01cdatetime\ndatetime\ns.", "forbidden", "datetime.datetime"
    yield "a helper as a value", b"cbuiltins\ngetattr\n.", "forbidden", "builtins.getattr"
    yield "a class in a tuple", b"cbuiltins\nobject\n\x85.", "forbidden", "builtins.object"
    yield "calling a value", b"K\x01)R.", "forbidden", "call of a value"
    yield "calling an object", b"cdatetime\ndate\nC\x04\x07\xea\x01\x02\x85R)R.", "forbidden", "call of a value"
    yield "_reconstructor", b"ccopy_reg\n_reconstructor\ncdatetime\ndate\nc__builtin__\nobject\nN\x87R.", "forbidden", "copyreg._reconstructor"
    yield "another codec", b"c_codecs\nencode\n" + text(b"x") + text(b"zlib") + b"\x86R.", "forbidden", "_codecs.encode"
    yield "bytearray(2**40)", b"cbuiltins\nbytearray\n\x8a\x06\0\0\0\0\0\x01\x85R.", "forbidden", "builtins.bytearray"
    yield "bytes(n)", b"cbuiltins\nbytes\nK\x09\x85R.", "forbidden", "builtins.bytes"
    yield "frozenset of a call", b"cbuiltins\nfrozenset\ncos\nsystem\n", "forbidden", "os.system"
    yield "a model", b"\x80\x02cdjango.db.models.base\nmodel_unpickle\n", "forbidden", "django.db.models.base.model_unpickle"
    yield "a lazy string", b"\x80\x04" + text(b"django.utils.functional") + text(b"_lazy_proxy_unpickle") + b"\x93.", "forbidden", "django.utils.functional._lazy_proxy_unpickle"
    yield "a name with a newline", b"\x80\x04" + text(b"a\nb") + text(b"\xe2\x80\xa8") + b"\x93.", "forbidden", r"a\nb.\u2028"

    lst = []
    lst.append(lst)
    dct = {}
    dct["d"] = dct
    tup = ([],)
    tup[0].append(tup)
    for name, v in (("list", lst), ("dict", dct), ("tuple", tup)):
        for protocol in range(6):
            yield "recursive %s, protocol %d" % (name, protocol), pickle.dumps({"v": v}, protocol), "recursive", ""

    yield "empty", b"", "syntax", ""
    yield "only a dot", b".", "syntax", ""
    yield "no dot", b"}", "syntax", ""
    yield "protocol 6", b"\x80\x06}.", "syntax", ""
    yield "unknown opcode", b"\xff.", "syntax", ""
    yield "frame beyond the end", b"\x80\x04\x95\xff\0\0\0\0\0\0\0}.", "syntax", ""
    yield "length beyond the end", b"X\xff\xff\xff\x7fabc.", "syntax", ""
    yield "huge length", b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", "syntax", ""
    yield "huge signed length", b"\x80\x02\x8b\xff\xff\xff\xffabc.", "syntax", ""
    yield "memo without entry", b"h\x00.", "syntax", ""
    yield "memo far out", b"}r\xff\xff\xff\xff.", "syntax", ""
    yield "memo far out, textual", b"}p99999999999999999999\n.", "syntax", ""
    yield "put of nothing", b"q\x00.", "syntax", ""
    yield "mark as a value", b"(.", "syntax", ""
    yield "append across a mark", b"](K\x01a.", "syntax", ""
    yield "append to a tuple", b")K\x01a.", "syntax", ""
    yield "odd SETITEMS", b"}(K\x01u.", "syntax", ""
    yield "unhashable key", b"}]K\x01s.", "syntax", ""
    yield "an OrderedDict as a key", b"}ccollections\nOrderedDict\n)RNs.", "syntax", ""
    yield "unhashable tuple", b"}]\x85K\x01s.", "syntax", ""
    yield "unhashable element", b"\x8f(]\x90.", "syntax", ""
    yield "unhashable in frozenset", b"(}\x91.", "syntax", ""
    yield "bad UTF-8", b"X\x01\0\0\0\xff.", "syntax", ""
    yield "overlong UTF-8", b"X\x02\0\0\0\xc0\x80.", "syntax", ""
    yield "beyond Unicode", b"V\\U00110000\n.", "syntax", ""
    yield "short escape", b"V\\u12\n.", "syntax", ""
    yield "bad INT", b"Ione\n.", "syntax", ""
    yield "4301 digits", b"L" + b"1" * 4301 + b"L\n.", "syntax", ""
    yield "bad FLOAT", b"F0x1p3\n.", "syntax", ""
    yield "FLOAT out of range", b"F1e400\n.", "syntax", ""
    yield "tuple of too few", b"K\x01\x86.", "syntax", ""
    yield "a list", b"].", "no dict", ""
    yield "None", b"N.", "no dict", ""
    yield "an OrderedDict", b"ccollections\nOrderedDict\n)R.", "no dict", ""
    yield "a set", b"\x8f.", "no dict", ""


def member(key, value, protocol):
    m = {}
    named = isinstance(key, str) and as_json(str(key)) is not None
    if named:
        m["name"] = str(key).encode("utf-8", "surrogatepass").hex()
    else:
        m["key"] = pickle.dumps(key, protocol).hex()
    m["json"] = as_json(value) if named else None
    if m["json"] is None:
        m["value"] = pickle.dumps(value, protocol).hex()
    return m


def decode_case(name, value, protocol):
    return {"name": name, "protocol": protocol, "pickle": pickle.dumps(value, protocol).hex(),
            "members": [member(k, v, protocol) for k, v in value.items()]}


def as_json(value):
    """The JSON text if it says everything."""
    def plain(v):
        if type(v) is list:
            return all(map(plain, v))
        if type(v) is dict:
            return all(type(k) is str and plain(k) and plain(x) for k, x in v.items())
        if type(v) is str:
            return json.loads(json.dumps(v)) == v
        if type(v) is int:
            return abs(v) < 10**4300  # from 3.11 on
        return v is None or type(v) in (bool, float)

    if not plain(value):
        return None
    return json.dumps(value, separators=(",", ":"))


def main():
    out = {"decode": [], "encode": [], "refuse": []}
    for name, value in VALUES.items():
        for protocol in range(6):
            if name in ("many", "deep", "digits") and protocol not in (0, 4):
                continue
            if name == "too_many_digits":
                if protocol >= 2:
                    out["decode"].append(decode_case(name, value, protocol))
                continue
            data = pickle.dumps(value, protocol)
            if protocol > 3 or name != "datetimes":  # which lack the fold in the older protocols
                assert repr(pickle.loads(data)) == repr(value)
            out["decode"].append(decode_case(name, value, protocol))
    for protocol in range(2, 6):
        out["decode"].append(decode_case("safestring", SAFE, protocol))
    for case in [{"open": t} for t in TEXTS] + LONG:
        items = ",".join(case["item"].replace("%d", str(i)) for i in range(case.get("n", 0)))
        t = case["open"].replace("%x", "x" * case.get("x", 0)) + items + case.get("close", "")
        for protocol in (4, 5):
            data = pickle.dumps(json.loads(t), protocol)
            key = "p%d" % protocol
            case[key] = data.hex() if len(data) < 3000 else "sha256:" + hashlib.sha256(data).hexdigest()
        out["encode"].append(case)
    for name, data, error, what in attacks():
        out["refuse"].append({"name": name, "pickle": data.hex(), "error": error, "what": what})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pickle.json")
    with open(path, "w") as f:
        f.write("{")
        for i, (k, cases) in enumerate(out.items()):
            f.write((",\n" if i else "\n") + json.dumps(k) + ": [\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
        f.write("\n}\n")


main()
