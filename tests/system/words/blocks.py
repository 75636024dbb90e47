"""The fenced blocks of the documentation, and what is written behind their language: how a test runs them.

A reader sees nothing of it; the site leaves it out (deploy/site/pages.py).

- ```` ```graphql as:WHO ````: an operation, sent through the gateway as a demo user (`as:street_committee`), as the
  played petition's `resident`, or as `nobody`. A subscription is followed over a WebSocket.
- ```` ```json variables ````, next after it: its variables.
- ```` ```json answer ````, next after it or after a command: what came. Subscriptions are answered by several objects.
- ```` ```bash ````: commands, run from the repository's root; `make` runs on the test's own district. What cannot be
  run so is named in `commands.ELSEWHERE`, with what does run it.
- ```` ```text answer ````: a command's output.
- ```` ```python file:NAME ````: a program; a test of its own runs it.
- ```` ```json example ````, ```` ```text example ````: shown only.

Values of the played petition stand in the pages as stage.py has them, and are exchanged for real ones.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from deploy.local.settings import ROOT

PAGES: Final = (
    "README.md",
    "README.zh-CN.md",
    *(
        f"docs/{file.name}"
        for file in sorted((ROOT / "docs").glob("*.md"))
        if file.name not in {"access.md", "licences.md"}  # generated, without blocks
    ),
)

_FENCE: Final = re.compile(r"^(?P<fence>```+)(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    language: str
    marks: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def mark(self, name: str) -> str | None:
        """Return what stands behind `name:`."""
        return next((mark.partition(":")[2] for mark in self.marks if mark.startswith(f"{name}:")), None)


def blocks_of(page: str) -> list[Block]:
    """Return a page's blocks, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, language, tuple(marks), found["text"])
        for found in _FENCE.finditer(text)
        for language, *marks in [found["info"].split() or [""]]
    ]


@dataclass(frozen=True)
class Example:
    """What is run, and what goes with it."""

    block: Block
    variables: dict[str, Any]
    answer: Block | None


def examples(page: str, language: str) -> Iterator[Example]:
    """Yield a page's blocks of a language, each with the variables and the answer that stand behind it."""
    blocks = blocks_of(page)
    for number, block in enumerate(blocks):
        if block.language != language:
            continue
        variables: dict[str, Any] = {}
        answer = None
        for next_ in blocks[number + 1 :]:
            if "variables" in next_.marks:
                variables = json.loads(next_.text)
            elif "answer" in next_.marks:
                answer = next_
                break
            else:
                break
        yield Example(block, variables, answer)


def objects(text: str) -> list[Any]:
    """Return the JSON values that a text holds, one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found
