"""Which petition is meant: by its id, or by the tracking code that people know it by."""

from typing import Final
from uuid import UUID

import aiohttp

from deploy.local.asking import Asker
from deploy.local.demo.words import Words
from deploy.local.ports import LOOPBACK
from deploy.local.settings import LocalSettings
from services.kernel.auth import development

NONE_OF: Final = Words(
    "No trace of this petition is kept: it is unknown, or was last acted on before those that are.",
    "没有保留这件诉求的链路：没有这件诉求，或者最后一次办理早于现存的链路。",
)
_BY_CODE: Final = "query($code: String!) { petition(trackingCode: $code) { id } }"


async def id_of(settings: LocalSettings, session: aiohttp.ClientSession, petition: str) -> str | None:
    """Return a petition's id; the gateway is asked for it if it is a tracking code, and None if there is no such one.

    :raises NotAnsweringError: the gateway does not answer.
    """
    try:
        return str(UUID(petition))
    except ValueError:
        pass
    token = development.sign(settings.keys_folder, "district_supervisor")
    asker = Asker(f"http://{LOOPBACK}:{settings.gateway_port}/graphql", session, token)
    answer = await asker.ask(_BY_CODE, {"code": petition})
    data: dict[str, dict[str, str] | None] = answer.get("data") or {}
    found = data.get("petition")
    return found["id"] if found else None
