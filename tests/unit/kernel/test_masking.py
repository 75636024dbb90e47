"""What is masked in what residents write, in the ways in which they write it, and what is left as it is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import text
from services.kernel.errors import InvalidInput
from services.kernel.masking import IDENTITY_MASK, MAIL_MASK, NAME_MASK, PHONE_MASK, mask

PHONES = [
    "13912345678",
    "139 1234 5678",
    "139-1234-5678",
    "139.1234.5678",
    "139 - 1234 - 5678",
    "139  1234  5678",
    "139\u20111234\u20115678",
    "139\u00a01234\u20095678",
    "139\u200b1234\u200b5678",
    "+8613912345678",
    "+86 139 1234 5678",
    "86-139-1234-5678",
    "0086 139 1234 5678",
    "008613912345678",
    "＋８６　１３９　１２３４　５６７８",
    "１３９１２３４５６７８",
    "139－1234－5678",
    "①③⑨①②③④⑤⑥⑦⑧",
    "𝟏𝟑𝟗𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖",
    "1 3 9 1 2 3 4 5 6 7 8",
    "0858-8222333",
    "(0858)8222333",
    "（0858）8222333",
    "0858 822 2333",
    "+86 858 8222333",
    "010-62345678",
]
IDENTITIES = [
    "520203199103074216",
    "52020319910307421X",
    "52020319910307421x",
    "520203 19910307 4216",
    "520203-19910307-421X",
    "５２０２０３１９９１０３０７４２１６",
    "6222021234567890123",
    "6222 0212 3456 7890 123",
    "6222-0212-3456-7890",
    "6222021234567890",
]
MAILS = ["zhang.san@example.com", "zhang_san+1@mail.example.com.cn", "zhangsan＠example.com"]


def around(number: str) -> str:
    return f"请联系{number}，谢谢"


@pytest.mark.parametrize(
    ("number", "instead"),
    [(n, m) for ns, m in ((PHONES, PHONE_MASK), (IDENTITIES, IDENTITY_MASK), (MAILS, MAIL_MASK)) for n in ns],
)
def test_numbers_and_addresses_are_masked_and_do_not_travel_however_they_are_written(number: str, instead: str) -> None:
    assert mask(around(number)) == around(instead)
    with pytest.raises(InvalidInput, match="phone or identity number"):
        text.without_numbers(around(number), "title")


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("我叫王小明，住二楼", f"我叫{NAME_MASK}，住二楼"),
        ("我叫王小明住二楼", f"我叫{NAME_MASK}住二楼"),
        ("我叫王小明反映下水道堵塞", f"我叫{NAME_MASK}反映下水道堵塞"),
        ("我叫欧阳锦程反映下水道堵塞", f"我叫{NAME_MASK}反映下水道堵塞"),
        ("我叫阿卜杜拉·买买提江", f"我叫{NAME_MASK}"),
        ("我叫𠮷田明", f"我叫{NAME_MASK}"),
        ("我的名字叫李四。", f"我的名字叫{NAME_MASK}。"),
        ("姓名：王小明 电话不便告知", f"姓名：{NAME_MASK} 电话不便告知"),
        ("姓名王小明", f"姓名{NAME_MASK}"),
        ("姓名\n王小明\n", f"姓名\n{NAME_MASK}\n"),
        ("联系人:王小明", f"联系人:{NAME_MASK}"),
        ("联系人 王小明", f"联系人 {NAME_MASK}"),
        ("户主：王小明", f"户主：{NAME_MASK}"),
        ("my name is Li Wei and", f"my name is {NAME_MASK} and"),
        ("Name: Wang Xiaoming", f"Name: {NAME_MASK}"),
    ],
)
def test_names_that_are_introduced_are_masked(said: str, masked: str) -> None:
    assert mask(said) == masked


@pytest.mark.parametrize(
    "said",
    [
        "二中批发巷9号楼下水道堵了3天",
        "我叫物业来修了三次都没有修好",
        "请联系人社局处理",
        "业主委员会不管，物业公司也不管",
        "2026-11-24 8:30 到 2026-11-25 17:00 停水（共33小时）",
        "２０２６年１１月２４日，３号楼①单元",
        "安装费 1200.50 元，编号 No.2026-0017",
        "拨打12345和110都没有用",
        "名单上没有我们楼",
        "全角（括号）和－号都留着",
    ],
)
def test_all_else_stays_as_it_was_written(said: str) -> None:
    assert mask(said) == said
    assert text.without_numbers(said, "title") == said


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(said: str) -> None:
    assert mask(mask(said)) == mask(said)


@pytest.mark.parametrize(
    "part",
    ["1 ", "6222 ", "0858-", "a", "a.b-", "a@a.", "姓名 ", "姓名" + " " * 50, "姓名" + " " * 5000, "name :", "我叫王·"],
)
def test_no_text_takes_long(part: str) -> None:
    said = (part * 5000)[:5000]
    began = time.process_time()
    mask(said)
    assert time.process_time() - began < 0.2, "its cost grows faster than the text"


@given(st.text(max_size=100))
def test_narrowing_keeps_every_character_at_its_place(said: str) -> None:
    assert len(text.narrow(said)) == len(said)
