"""Masking personal data in what residents write (domain.md, Personal data).

By patterns, so it catches the usual forms and not everything: a name that nothing introduces is a word like any other.
"""

import re
from typing import Final

from services.kernel.text import IDENTITIES, MAIL, PHONES, narrow

_HAN: Final = "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0003ffff]"
# The surnames of nine in ten people, and those of two characters.
_SURNAME: Final = (
    "(?:欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|夏侯|"
    "[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范"
    "方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文])"
)
_ENDS: Final = rf"(?=(?!{_HAN})|[住电家在是的])"
# What a name can look like, best first: one with a dot in it; one that ends where no name goes on; one with a space in
# it; a surname and what is usual after it, in the middle of a sentence.
_NAME: Final = (
    rf"({_HAN}{{1,8}}(?:[·•‧・．.]{_HAN}{{1,10}})+"
    rf"|{_HAN}{{2,4}}?{_ENDS}"
    rf"|{_SURNAME}[ \u3000]{{1,3}}{_HAN}{{1,2}}{_ENDS}"
    rf"|{_SURNAME}{_HAN}{{1,2}})"
)
_OPENED: Final = r"\s{0,4}[:：]?\s{0,4}[“”\"'‘’「『（(《]?\s{0,2}"
_CALLED: Final = r"(?:我叫|我名叫|名字\s{0,4}(?:[:：]|叫|是)|姓名\s{0,4}[:：]|联系人\s{0,4}[:：])"
_INTRODUCED: Final = re.compile(
    r"(?:姓名\s{0,4}[:：是为]?|名字\s{0,4}(?:[:：]|叫|是)|我叫|我名叫|联系人\s{0,4}(?:[:：是为]|(?=\s))"
    rf"|(?:申请人|反映人|投诉人|当事人|户主|业主|住户|本人)\s{{0,4}}[:：]){_OPENED}{_NAME}"
)
# A name in Latin letters may have small ones; the word that stands in the masks is none.
_LATIN_NAME: Final = re.compile(
    rf"{_CALLED}{_OPENED}(?!(?i:name|phone)\b)"
    r"([A-Za-z][A-Za-z'’-]{0,30}(?:[ .·]{1,3}[A-Za-z][A-Za-z'’-]{0,30}){0,2})"
)
_SURNAME_AND_NAME: Final = re.compile(
    rf"(?:我|本人|免贵)姓({_HAN}{{1,2}}?[，, ]{{0,2}}名?[叫字]?(?<=[名叫字])(?:{_HAN}{{1,2}}?{_ENDS}|{_HAN}{{1,2}}))"
)
# Too common to introduce a name, unless what follows is how to reach that person.
_REACHED: Final = re.compile(
    rf"(?:我是|本人)({_SURNAME}{_HAN}{{1,2}})"
    r"(?=[，,、。 ：:（(]{0,3}(?:联系)?(?:电话|手机|方式|身份证|1[3-9][0-9]{5}))"
)
_NO_NAME: Final = (
    r"(?!(?i:and|or|but|not|no|on|in|at|of|to|for|from|with|as|is|was|are|the|a|an|i|my|we|please|call|phone|tel|"
    r"mobile|live|living|who|here|there|missing|wrong|misspelled|listed|still|also|so|because)\b)"
)
_ENGLISH_NAME: Final = re.compile(
    rf"(?i:\bmy name is\s{{1,4}}){_NO_NAME}([^\W\d_][\w'-]{{1,40}}"
    rf"(?:(?:\s{{1,4}}[A-Z][\w'-]{{1,40}}){{1,2}}|(?:\s{{1,4}}{_NO_NAME}[^\W\d_][\w'-]{{1,40}})?))"
)
_ENGLISH_LABEL: Final = re.compile(r"(?i:\bname\s{0,4}[:：]\s{0,4})([A-Z][\w'-]+(?:\s{1,4}[A-Z][\w'-]+){0,2})")

PHONE_MASK: Final = "[电话 phone]"
IDENTITY_MASK: Final = "[证件号 identity number]"
NAME_MASK: Final = "[姓名 name]"
MAIL_MASK: Final = "[邮箱 mail]"

_NUMBERS: Final = (
    *((pattern, IDENTITY_MASK) for pattern in IDENTITIES),
    *((pattern, PHONE_MASK) for pattern in PHONES),
    (MAIL, MAIL_MASK),
)
_NAMES: Final = (_INTRODUCED, _LATIN_NAME, _SURNAME_AND_NAME, _REACHED, _ENGLISH_NAME, _ENGLISH_LABEL)


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
            take(*match.span(match.lastindex or 0), instead)
    for pattern in _NAMES:
        for match in pattern.finditer(text):
            take(*match.span(1), NAME_MASK)
    masked, place = "", 0
    for start, end, instead in sorted(found):
        masked += text[place:start] + instead
        place = end
    return masked + text[place:]
