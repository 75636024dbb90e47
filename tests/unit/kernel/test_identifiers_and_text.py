"""Tracking codes, texts, masks, positions: what people type and what must not get through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import text
from services.kernel.db import refuse_nul
from services.kernel.errors import InvalidInput
from services.kernel.ids import ALPHABET, new_tracking_code, parse_tracking_code, show_tracking_code
from services.kernel.masking import IDENTITY_MASK, MAIL_MASK, NAME_MASK, PHONE_MASK, mask


def test_tracking_codes_survive_how_people_write_them() -> None:
    for _ in range(200):
        code = new_tracking_code()
        shown = show_tracking_code(code)
        assert parse_tracking_code(shown.lower()) == code
        assert parse_tracking_code(f" {shown[:3]} {shown[3:]}") == code
        assert not set(code) & set("ILOU")


@given(st.integers(0, 9), st.sampled_from(ALPHABET))
def test_a_single_wrong_character_is_told_apart(place: int, wrong: str) -> None:
    code = new_tracking_code()
    if code[place] == wrong:
        return
    with pytest.raises(InvalidInput, match="check character"):
        parse_tracking_code(code[:place] + wrong + code[place + 1 :])


@pytest.mark.parametrize("bad", ["", "ABC", "7K3M9-QX2C", "7K3M9-QX2CDE", "七七七七七七七七七七", "7K3M9/QX2C"])
def test_what_cannot_be_a_tracking_code_is_said_so(bad: str) -> None:
    with pytest.raises(InvalidInput, match="10 letters and digits"):
        parse_tracking_code(bad)


@pytest.mark.parametrize("bad", ["a\x07b", "a\x85b", "a\x7fb", "abc\u202edef", "\u2066x"])
def test_characters_that_hide_are_refused(bad: str) -> None:
    with pytest.raises(InvalidInput, match="control character"):
        text.required(bad, "title", longest=100)


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800", "\udfff"])
def test_characters_that_no_column_holds_are_refused(bad: str) -> None:
    with pytest.raises(InvalidInput, match=r"title contains U\+(0000|D800|DFFF), which is") as refused:
        text.required(bad, "title", longest=100)
    assert refused.value.extensions["field"] == "title"


@pytest.mark.parametrize(
    "nothing", ["", " \r\n\t", "\u200b\u200d\ufeff", "\u3164\u2800\u115f", "\ufe0f", "\u2028\u3000"]
)
def test_what_shows_nothing_is_no_text(nothing: str) -> None:
    assert text.optional(nothing, "reason", longest=10) == ""
    with pytest.raises(InvalidInput, match="must not be empty"):
        text.required(nothing, "reason", longest=10)


@pytest.mark.parametrize(
    "said",
    [
        "e\u0301",
        "é",
        "a\r\nb\u2028c\td",
        "👩🏽‍💻👨‍👩‍👧‍👦",
        "𠮷𪚥\U0002f800",
        "Z̷̡a̶l̵g̸o",
        "\ufeff字",
        "\u200fאב\u200e",
        "龍'; --<b>",
    ],
)
def test_what_is_kept_is_what_was_sent(said: str) -> None:
    assert text.required(said, "words", longest=100) == said
    assert text.required(f" \n{said}\u3000", "words", longest=len(said)) == said


def test_lengths_are_counted_in_characters() -> None:
    assert text.required("𠮷" * 10, "title", longest=10) == "𠮷" * 10
    with pytest.raises(InvalidInput, match="11 characters"):
        text.required("𠮷" * 11, "title", longest=10)
    with pytest.raises(InvalidInput, match="must not be empty"):
        text.required(" \n ", "title", longest=10)
    with pytest.raises(InvalidInput, match="must not be empty"):
        text.required("\u200b\u200d", "title", longest=10)


@pytest.mark.parametrize(
    "number",
    [
        "13800138000",
        "138 0013 8000",
        "+86 138-0013-8000",
        "0858-8223456",
        "520202199001011234",
        "１３８００１３８０００",
        "138－0013－8000",
        "138.0013.8000",
        "1380 013 8000",
        "520202 19900101 1234",
        "138、0013、8000",
        "(138)0013 8000",
        "1380013800O",
        "一三八〇〇一三八〇〇〇",
        "520202900101123",
    ],
)
def test_numbers_of_persons_do_not_travel(number: str) -> None:
    with pytest.raises(InvalidInput, match="phone or identity number"):
        text.without_numbers(f"请联系{number}处理", "request")


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("我叫张三，电话13800138000", f"我叫{NAME_MASK}，电话{PHONE_MASK}"),
        ("姓名：欧阳小明 身份证520202199001011234", f"姓名：{NAME_MASK} 身份证{IDENTITY_MASK}"),
        ("请打0858-8223456或发zhang.san@example.com", f"请打{PHONE_MASK}或发{MAIL_MASK}"),
        ("卡号6222 0212 3456 7890 123", f"卡号{IDENTITY_MASK}"),
        ("My name is Li Wei, call 138 0013 8000", f"My name is {NAME_MASK}, call {PHONE_MASK}"),
        ("电话１３８００１３８０００找我", f"电话{PHONE_MASK}找我"),
        ("二中批发巷9号楼下水道堵了3天", "二中批发巷9号楼下水道堵了3天"),
    ],
)
def test_personal_data_is_masked_in_the_working_text(said: str, masked: str) -> None:
    assert mask(said) == masked


def test_nul_is_refused_wherever_it_hides() -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_nul({"contact": {"name": ["ok", "a\0"]}})
    assert refused.value.extensions["field"] == "contact.name"
