"""Values for fields: such as users send, and such as nobody should."""

from __future__ import annotations

import json

WORDS = ("", "a", "b", "some text", "with ünicode")
PATHS = ("/f", "/d/x", "/d/", "/d", "/", "d/y", "/new", "/d/e/z", "")
GLOBS = ("/*", "/**", "/d/*", "/(*)", "/{f,d}", "/[a-f]", "f", "/d/x", "/")
URLS = ("http://127.0.0.1:1/x", "gopher://x", "", "ftp://127.0.0.1:1/")
"""None of them reaches anything."""

PIPELINE = {
    "pipeline": {"name": "fuzzed"},
    "transform": {"cmd": ["true"]},
    "input": {"pfs": {"repo": "data", "glob": "/*"}},
}
SPECS = (
    json.dumps(PIPELINE),
    json.dumps(PIPELINE | {"pipeline": {"name": "copy"}, "update": True}),
    json.dumps(PIPELINE | {"input": {"cross": [PIPELINE["input"], {"pfs": {"repo": "other", "glob": "/"}}]}}),
    json.dumps(PIPELINE | {"input": {"cron": {"name": "tick", "spec": "@yearly"}}}),
    json.dumps(PIPELINE | {"parallelism_spec": {"constant": 10**30}}),
    json.dumps(PIPELINE | {"datum_timeout": "1e400s", "datum_tries": -1}),
    json.dumps(PIPELINE | {"input": {"pfs": {"repo": "fuzzed", "glob": "/"}}}),
    '{"pipeline": {"name": "p"}}',
    "[" * 50_000,
    '{"a":' * 50_000,
    "{}",
    "null",
    "1e999999",
    '{"pipeline": {"name": "\\ud800"}}',
    '{"pipeline": {"name": "p", "name": "q"}} {}',
    "nonsense",
)

STRINGS = (
    "",
    ".",
    "..",
    "/..",
    "../../etc/passwd",
    "/a/../b",
    "//",
    "/a//b/",
    "a\0b",
    "\0",
    "a" * 52,
    "a" * 256,
    "x" * 65536,
    "ä" * 20_000,
    "/" + "a/" * 3000,
    "\u00e9",  # é in one piece
    "e\u0301",  # é in two
    "\u202egpj.exe",
    "\u200b",
    "\ufeff",
    "\U0001f600",
    "\U0010ffff",
    "\ufffe",
    "a\nb",
    "a\r\nb: c",
    "\x1b[31m",
    "\x7f",
    "%s%n%00",
    "'; DROP TABLE repos; --",
    "*",
    "**",
    "/**/**/**/*",
    "[",
    "[^",
    "{a,",
    "@(a|",
    "+(+(a))",
    "\\",
    "(" * 2000,
    "^",
    "master^",
    "master^99999999999999999999999",
    "master.0",
    "master.99999999999999999999999",
    "master^^^^~",
    "0" * 32,
    "0" * 12 + "4" + "0" * 19,
    "F" * 32,
    "default",
    "__filesets__",
    "__spec__",
    "-1",
    "nan",
    "1e309",
    "@every 1ns",
    "@every -1h",
    "99 99 99 99 99",
    "* * * * *",
    "10EB",
    "9" * 400,
    "10s",
)
"""Extreme texts."""

LONE_SURROGATE = "\ue000\ue000\ue000"
"""Stands for bytes that are no UTF-8, put in its place once the message is bytes: a message cannot hold them."""

NO_UTF8 = (
    b"\xed\xa0\x80\xed\xb0\x80\xff",
    b"\xff\xfe\x00\x80\x80\x80\x80\x80\xc0",
    b"\xc0\x80\xc0\x80\xc0\x80\xc0\x80\xf8",
)
"""Of the same length as what they replace."""

INTEGERS = (0, 1, -1, 2, 2**31 - 1, -(2**31), 2**32 - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 10**18)
NUMBERS = (0.0, -1.0, 1e308, float("nan"), float("inf"), float("-inf"), 5e-324)
BYTES = (b"", b"\0", b"x" * 65536, bytes(range(256)), b"\xff" * 40)
