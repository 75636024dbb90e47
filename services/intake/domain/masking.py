"""Masking personal data in what residents write (domain.md, Personal data)."""

import re
from typing import Final

from services.kernel.text import IDENTITY, LANDLINE, MAIL, MOBILE, narrow

_NAME: Final = re.compile(
    r"(姓名\s*[:：是为]?\s*|我叫\s*|联系人\s*[:：是为]?\s*|本人\s*[:：]\s*)([\u4e00-\u9fff·]{2,4}?)(?=[^\u4e00-\u9fff·]|$|[住电家在是，]|的)"
)
_ENGLISH_NAME: Final = re.compile(r"(?i:(\bmy name is\s+|\bname\s*[:：]\s*))([A-Z][\w'-]+(?:\s+[A-Z][\w'-]+){0,2})")
_CARD: Final = re.compile(r"(?<![0-9])[0-9]{4}(?:[- ]?[0-9]{4}){3}(?:[- ]?[0-9]{1,3})?(?![0-9])")

PHONE_MASK: Final = "[电话 phone]"
IDENTITY_MASK: Final = "[证件号 identity number]"
NAME_MASK: Final = "[姓名 name]"
MAIL_MASK: Final = "[邮箱 mail]"


def mask(text: str) -> str:
    """Return a text with phone and identity numbers, bank cards, mail addresses and introduced names masked."""
    text = IDENTITY.sub(IDENTITY_MASK, narrow(text))
    text = _CARD.sub(IDENTITY_MASK, text)
    text = MOBILE.sub(PHONE_MASK, text)
    text = LANDLINE.sub(PHONE_MASK, text)
    text = MAIL.sub(MAIL_MASK, text)
    text = _NAME.sub(lambda m: f"{m[1]}{NAME_MASK}", text)
    return _ENGLISH_NAME.sub(lambda m: f"{m[1]}{NAME_MASK}", text)
