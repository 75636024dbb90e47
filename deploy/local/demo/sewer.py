"""Case 1 of the report: a blocked sewer, from a resident's words to a closed case.

Every step says who acts, what they do, and what each of the three services now knows.
"""

from collections.abc import Mapping
from typing import Any, Final

from rich.markup import escape

from deploy.local.demo.player import Player, Step, console, in_shanghai
from services.contracts.vocabulary import Role

_WHOLE: Final = """
query Whole($id: ID!) {
  petition(id: $id) {
    title stateLabel stageLabel
    handling { workOrders { state reply { words measures } department { name } } }
    evaluation { stateLabel visits { reached responded solved satisfied } }
    timeline(first: 100) { edges { node { at service label stageLabel byRole } } }
  }
}"""


async def _intake(player: Player) -> tuple[str, dict[str, Any]]:
    """Play acceptance and screening; return the petition's id and what opens it."""
    representative, committee = player.token(Role.REPRESENTATIVE), player.token(Role.STREET_COMMITTEE)
    filed = await player.act(
        "Representative Hui Bi (惠碧)",
        "records on a visit: the sewer in Erzhong wholesale lane is blocked",
        "submitPetition",
        {
            "words": "二中批发巷下水道堵了三天，污水漫到铺面门口。我叫王小明，电话13800138000。",
            "channel": "through-train",
            "community": "community-73",
            "estate": "erzhong-lane",
            "contact": {"name": "王小明", "phone": "13800138000"},
        },
        token=representative,
        selection="petitionId trackingCode secret",
    )
    petition = filed["petitionId"]
    console.print(f"      tracking code {filed['trackingCode']}, secret {filed['secret']}")
    await player.picture(petition)
    steps: list[Step] = [
        (
            "Street committee of Huangtupo (黄土坡)",
            "takes it on under a title of its own",
            "acceptPetition",
            {"title": "二中批发巷下水道堵塞", "category": "drainage", "extent": "COMMUNITY"},
            committee,
        ),
        (
            "Representative Hui Bi",
            "LISTEN 听: hears the shopkeepers out",
            "listenToPetition",
            {"said": "商户反映管道堵塞三天，影响经营"},
            representative,
        ),
        (
            "Community 73 (七十三社区)",
            "LOOK 看: finds the place silted up",
            "lookAtPetition",
            {"findings": "主管约十米淤塞，检查井破损一处"},
            player.token(Role.COMMUNITY),
        ),
        (
            "Street committee",
            "DELIBERATE 议: six people weigh it",
            "deliberateOnPetition",
            {"outcome": "情况属实，建议由住建部门疏通并更换井盖", "participants": 6},
            committee,
        ),
        (
            "Street committee",
            "HANDLE 办: hands it over (转办), class ORDINARY",
            "handOverPetition",
            {"request": "请疏通二中批发巷主排水管，更换破损检查井，并答复商户", "deadlineClass": "ORDINARY"},
            committee,
        ),
    ]
    await player.act_on({"petitionId": petition}, steps, selection="petition { id }", petition=petition)
    return petition, filed


async def _dispatch(player: Player, petition: str) -> None:
    """Play assignment and handling."""
    committee, department = player.token(Role.STREET_COMMITTEE), player.token(Role.DEPARTMENT)
    query = """query($id: ID!) { petition(id: $id) { handling { workOrders {
        id suggestion { explanation department { id name } } } } } }"""
    [order] = (await player.ask(query, committee, {"id": petition}))["petition"]["handling"]["workOrders"]
    suggested = order["suggestion"]["department"]
    console.print(f"      routing: {escape(order['suggestion']['explanation'])}")
    steps: list[Step] = [
        (
            "Street committee",
            f"assigns it (交办) to {suggested['name']}",
            "assignWorkOrder",
            {"department": suggested["id"]},
            committee,
        ),
        ("The department", "acknowledges (签收)", "acknowledgeWorkOrder", {}, department),
        ("The department", "starts work", "startWorkOrder", {}, department),
        (
            "The department",
            "replies in plain words",
            "replyToWorkOrder",
            {"words": "管道已疏通，破损井盖已更换，现排水正常。", "measures": "高压疏通十米，更换检查井盖一处"},
            department,
        ),
    ]
    await player.act_on({"workOrderId": order["id"]}, steps, selection="workOrder { id }", petition=petition)


async def _feedback(player: Player, petition: str, filed: Mapping[str, Any]) -> None:
    """Play the return visit and closing, and look at the whole as the resident does."""
    await player.act(
        "Representative Hui Bi",
        "visits the shopkeeper: contacted, solved, satisfied",
        "recordVisit",
        {
            "petitionId": petition,
            "means": "IN_PERSON",
            "reached": True,
            "responded": True,
            "solved": True,
            "satisfied": True,
            "comment": "商户表示满意",
        },
        token=player.token(Role.REPRESENTATIVE),
        selection="petition { id }",
    )
    await player.picture(petition)
    await player.act(
        "Street committee",
        "closes it (办结)",
        "closePetition",
        {"petitionId": petition},
        token=player.token(Role.STREET_COMMITTEE),
        selection="petition { id }",
    )
    await player.picture(petition)
    opening = "mutation($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"
    given = {"trackingCode": filed["trackingCode"], "secret": filed["secret"]}
    token = (await player.ask(opening, None, {"input": given}))["openPetition"]["token"]
    whole = (await player.ask(_WHOLE, token, {"id": petition}))["petition"]
    console.print("\n[bold]What the resident sees with code and secret[/bold]")
    for edge in whole["timeline"]["edges"]:
        entry = edge["node"]
        console.print(
            f"      {in_shanghai(entry['at'])}  {entry['stageLabel']}  {entry['label']}"
            f"  [dim]{entry['service'].lower()}[/dim]"
        )
    [order] = whole["handling"]["workOrders"]
    console.print(f"      答复 {escape(order['reply']['words'])}")


async def play(player: Player) -> None:
    """Play the case.

    :raises DemoError: the system answered otherwise than it should.
    """
    console.print("\n[bold]Case 1: a blocked sewer in Erzhong wholesale lane (二中批发巷)[/bold]")
    petition, filed = await _intake(player)
    await _dispatch(player, petition)
    await _feedback(player, petition, filed)
    console.print(f'\n  see it again: query {{ petition(id: "{petition}") {{ … }} }} at {player.url}\n')
