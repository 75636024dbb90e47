"""The search for what was planted finds it in every notation that it claims to know."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.support.search import Search

PHONE, NAME, MAIL = "13987650431", "欧阳瞿昙", "qiongmu@youxiang-test.cn"
SEARCH = Search({"phone": PHONE, "name": NAME, "mail": MAIL})
ALL = {("phone", "here"), ("name", "here"), ("mail", "here")}
TEXT = f"我叫{NAME}，{PHONE}，{MAIL}。"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        json.dumps({"words": TEXT}).encode(),
        json.dumps({"words": json.dumps(TEXT)}).encode(),
        b"\xff\xfe\x00" + TEXT.encode() + b"\x00",
        f"a row | \\x{TEXT.encode().hex()} |".encode(),
        json.dumps(f"\\x{TEXT.encode().hex()}").encode(),
        b"position=" + base64.b64encode(TEXT.encode()),
        b"position=" + base64.urlsafe_b64encode(TEXT.encode()).rstrip(b"="),
        f"GET /graphql?query={quote(TEXT)} HTTP/1.1".encode(),
    ],
)
def test_it_finds_what_is_written_in_other_ways(content: bytes) -> None:
    assert SEARCH.hits([("here", content), ("elsewhere", b"nothing")]) == ALL


@pytest.mark.parametrize(
    "number",
    [
        "139 8765 0431",
        "139-8765-0431",
        "+86 139.8765.0431",
        "１３９８７６５０４３１",
        "(139) 8765-0431",
        "139\u200b8765\u200b0431",
        "0086 139 - 8765 - 0431",
    ],
)
def test_it_finds_a_number_however_it_is_written(number: str) -> None:
    assert SEARCH.hits([("here", f"电话{number}。".encode())]) == {("phone", "here")}


def test_it_finds_nothing_where_nothing_is() -> None:
    others = [
        b"",
        "13987650432 欧阳 瞿昙 qiongmu@youxiang-test.com".encode(),
        b"139876504x31987650432" * 3,
        b"\xff" * 99,
    ]
    assert SEARCH.hits([(str(n), other) for n, other in enumerate(others)]) == set()
