"""Texts that break programs: some are words like any other and must be kept as they are, some must be refused."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FAITHFUL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "one character": "字",
        "joined emoji": "👩🏽‍💻修好了👨‍👩‍👧‍👦🏳️‍🌈👍🏿1️⃣",
        "a flag of tags": "旗🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f帜",
        "beyond the first plane": "𠮷野家和𪚥龘𱁬",
        "compatibility characters": "\U0002f800㊥Ⅻ﷽ﬁ",
        "composed": "é Å 가",
        "decomposed": "e\u0301 A\u030a \u1100\u1161",
        "marks alone": "\u0301\u0489",
        "many marks": "路\u0337\u0321\u0330灯\u0336\u0337\u035b\u0310\u0344坏",
        "right to left": "‏שלום‎ مرحبا",
        "an order mark first": "\ufeff字节顺序",
        "private use and no characters": "字\ue000\uf8ff\ufdd0\ufffe\uffff\U0010ffff\ufffd字",
        "ends of lines": "一\r\n二\n三\r四\u2028五\u2029六\t七",
        "spaces of all kinds": "一\u00a0二\u3000三\u2003四\u200b五\u2060六",
        "SQL": "'; DROP TABLE own.petition; -- \" OR 1=1 /* $1 %s :name ? */",
        "HTML and script": "<img src=x onerror=alert(1)></p><script>alert('&amp;&#39;')</script>]]><!--",
        "templates": "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {0} %(a)s {} %n%s%d `id` $(id)",
        "a line of a log": '堵\n{"level":"error","event":"forged"}\r\n\t2026-11-24 ERROR',
        "paths and escapes": "..\\..\\/etc/passwd%00\\u0000\\x00\\n&#0; C:\\",
        "quotes": "\"\"\" ''' \\\" \\' “” ‘’ «»",
        "no value": "null",
        "not a number": "NaN",
        "a great number": "1e400",
        "a number": "007",
        "a list": "[]",
        "an object": "{}",
        "a truth": "false",
        "a long word": "a" * 6_000,
        "the heaviest": "𠮷" * 6_000,
        "the heaviest to escape": '"\\\n' * 2_000 + "。",
    }
)
"""What may be written: each is kept character by character, but for white space around it."""

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nothing at its end": "堵\0",
        "nothing alone": "\0",
        "half a pair": "堵\ud83d",
        "the other half": "\udc00堵",
        "halves in the wrong order": "\udc00\ud800",
        "a bell": "堵\x07了",
        "an escape": "\x1b[31m红\x1b[0m",
        "delete": "堵\x7f",
        "a control of the second set": "堵\x85了",
        "an order turned around": "堵\u202e了",
        "an isolate": "\u2066堵\u2069",
    }
)
"""What no text may contain."""

NOTHING: Final = ("", " ", "\r\n\t ", "\u3000\u2028", "\u200b\u200d\u2060\ufeff", "\u3164\u2800", "\ufe0f")
"""What shows nothing, and so is no text."""

NO_CODES: Final = (
    "",
    " ",
    "nope",
    "字",
    "null",
    "0",
    "-1",
    "' OR 1=1 --",
    "../huangtupo",
    "huangtupo\0",
    "\0",
    "\ud800",
    "\u202ehuangtupo",
    "𠮷" * 129,
    "x" * 100_000,
)
"""What is neither a code nor an id."""

NO_CURSORS: Final = (
    "",
    " ",
    "x",
    "%%%",
    "字",
    "\0",
    "\ud800",
    "fHx8",
    "fHx8fHx8fA",
    "MTIzNDU2Nzg5MHwxMjM0NTY3ODkw",
    "MDAwMS0wMS0wMVQwMDowMDowMCswMDowMHwwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA",
    "OTk5OS0xMi0zMVQyMzo1OTo1OS0xNDowMHwwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA",
    "x" * 100_000,
)
"""What no list ever gave out: odd characters, empty parts, instants at the ends of the calendar."""
