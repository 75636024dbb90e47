"""Masking personal data in what residents write (domain.md, Personal data).

By patterns, so it catches the usual forms and not everything: a name that nothing introduces is a word like any other.
"""

import re
from typing import Final

from services.kernel.text import CARD, IDENTITY, LANDLINE, MAIL, MOBILE, narrow

_HAN: Final = "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0003ffff]"
# The surnames of nine in ten people, and those of two characters.
_SURNAME: Final = (
    "(?:欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|夏侯|"
    "[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范"
    "方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文])"
)
# What a name can look like, best first: one with a dot in it; one that ends where no name goes on; a surname and what
# is usual after it, in the middle of a sentence.
_NAME: Final = (
    rf"({_HAN}{{1,8}}(?:[·•‧・．.]{_HAN}{{1,10}})+"
    rf"|{_HAN}{{2,4}}?(?=(?!{_HAN})|[住电家在是的])"
    rf"|{_SURNAME}{_HAN}{{1,2}})"
)
_INTRODUCED: Final = re.compile(
    r"(?:姓名\s{0,4}[:：是为]?|名字\s{0,4}(?:[:：]|叫|是)|我叫|我名叫|联系人\s{0,4}(?:[:：是为]|(?=\s))"
    r"|(?:申请人|反映人|投诉人|当事人|户主|业主|住户|本人)\s{0,4}[:：])\s{0,4}" + _NAME
)
_ENGLISH_NAME: Final = re.compile(
    r"(?i:\bmy name is\s{1,4}|\bname\s{0,4}[:：]\s{0,4})([A-Z][\w'-]+(?:\s{1,4}[A-Z][\w'-]+){0,2})"
)

PHONE_MASK: Final = "[电话 phone]"
IDENTITY_MASK: Final = "[证件号 identity number]"
NAME_MASK: Final = "[姓名 name]"
MAIL_MASK: Final = "[邮箱 mail]"

_NUMBERS: Final = (
    (IDENTITY, IDENTITY_MASK),
    (CARD, IDENTITY_MASK),
    (MOBILE, PHONE_MASK),
    (LANDLINE, PHONE_MASK),
    (MAIL, MAIL_MASK),
)
_NAMES: Final = (_INTRODUCED, _ENGLISH_NAME)


_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")


def sayable(sentence: str) -> str:
    """Return a sentence of an error, which may quote what was sent, without personal data.

    Ours are in English and quote codes. A word in another script can only be a quotation, and of what was no code.
    """
    return mask(_FOREIGN.sub("…", sentence))


def mask(text: str) -> str:
    """Return a text with phone and identity numbers, bank cards, mail addresses and introduced names masked.

    All else stays as it was written.
    """
    plain = narrow(text)  # has every character at its place
    found: list[tuple[int, int, str]] = []
    taken = bytearray(len(text))

    def take(start: int, end: int, instead: str) -> None:
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            found.append((start, end, instead))

    for pattern, instead in _NUMBERS:
        for match in pattern.finditer(plain):
            take(*match.span(), instead)
    for pattern in _NAMES:
        for match in pattern.finditer(text):
            take(*match.span(1), NAME_MASK)
    masked, place = "", 0
    for start, end, instead in sorted(found):
        masked += text[place:start] + instead
        place = end
    return masked + text[place:]
