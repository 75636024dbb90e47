"""What the local run's commands say to their user, and what they are told by the environment."""

import os
import re
import sys
import time
from typing import Final, Never

from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from deploy.local.settings import LocalSettings

console: Final = Console(highlight=False, soft_wrap=True)
_began: Final = time.monotonic()
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Piped(Console):
    """A console whose reader may have read enough: then the program ends, and that is no failure."""

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """End; what Python flushes at its end must not complain again.

        :raises SystemExit: always, with 0.
        """
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0)


def harmless(text: str) -> str:
    """Return text without what moves a terminal: control characters, but for tabs and line ends, are spelled out."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def read_settings() -> LocalSettings:
    """Return the settings, or end with what is wrong with them."""
    try:
        return LocalSettings()
    except ValidationError as error:
        lines = [f"THROUGH_TRAIN_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
        give_up("\n".join(lines))


def at_the_gateway(settings: LocalSettings) -> dict[str, str]:
    """Return the environment of a program that asks the gateway, in the words that the services are told."""
    return {
        **os.environ,
        "THROUGH_TRAIN_GATEWAY_URL": f"http://127.0.0.1:{settings.gateway_port}/graphql",
        "THROUGH_TRAIN_KEYS_FOLDER": str(settings.keys_folder),
        "THROUGH_TRAIN_DOMAIN_CLOCK": str(settings.domain_clock),
    }


def say(line: str) -> None:
    """Say a line, with how long it took to get there."""
    console.print(f"[dim]{time.monotonic() - _began:6.1f} s[/dim]  {escape(line)}")


def give_up(sentence: str) -> Never:
    """End with one sentence of what is wrong, and what would be right."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]✗[/bold red] {escape(sentence)}")
    sys.exit(1)
