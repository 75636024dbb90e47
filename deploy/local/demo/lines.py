"""A case as plain lines: one for each act, one for each event that the live view tells."""

from collections.abc import Sequence
from datetime import datetime

from rich.cells import cell_len

from deploy.local.demo.case import Case
from deploy.local.demo.people import Person
from deploy.local.demo.story import Story
from deploy.local.demo.words import Language, Words
from services.contracts.labels import LABELS
from services.contracts.vocabulary import Stage
from services.kernel.calendar import SHANGHAI


def in_shanghai(instant: datetime) -> str:
    """Return an instant as it is read there."""
    return instant.astimezone(SHANGHAI).strftime("%m-%d %H:%M")


def stage_words(stage: Stage) -> Words:
    """Return what a stage of the five-people method is called, without the people that all five begin with."""
    zh, en = LABELS[Stage, stage.value]
    for beginning in ("People's affair ", "People "):
        en = en.removeprefix(beginning)
    return Words(en, zh.replace("民事民办", "民办"))


def padded(text: str, cells: int) -> str:
    """Return a text with as many cells as asked for; a Chinese sign takes two."""
    return text + " " * (cells - cell_len(text))


def person(who: Person, language: Language) -> str:
    """Return who somebody is, and in which role, if the name does not say it."""
    if who.name.zh == who.role_name.zh:
        return language(who.name)
    between = "，" if language.chinese else ", "
    return f"{language(who.name)}{between}{language(who.role_name)}"


def heading(story: Story, language: Language) -> str:
    """Return what is played, and what of it is invented."""
    invented = language.plain(Words("all private details are invented", "个人信息均为虚构"))
    return f"{language.plain(story.case.title)}  ({invented})"


def act(story: Story, language: Language) -> str:
    """Return who is about to do what."""
    assert story.act is not None
    does = language.plain(story.act.does)
    return f"{story.number:2}. {person(story.act.who, language)}: {does}  [{story.act.mutation}]"


def entry(story: Story, language: Language) -> str:
    """Return what was told last: when, in which service, in which stage, what, by whom."""
    last = story.last
    assert last is not None
    stage = padded(language(stage_words(last.stage)), 15)
    by = f"  {language.plain(story.doer(last))}" if last.is_news else ""
    what = f"{'! ' if last.warns else ''}{language(last.what)}"
    return f"      {in_shanghai(last.at)}  {last.source.value:8}  {stage}  {what}{by}  [{last.type}]"


def notice(story: Story, language: Language) -> str:
    """Return why nobody acts, and how fast time runs meanwhile; or that it runs as before."""
    if story.speed == 1 or story.notice is None:
        return f"    {language.plain(Words('Time runs as before.', '业务时间恢复正常。'))}"
    faster = Words(f"the domain's time runs {story.speed:,.0f} times faster", f"业务时间加快 {story.speed:,.0f} 倍")
    return f"    {language.plain(story.notice)}: {language.plain(faster)}"


def _query(code: str, locale: str) -> str:
    return f"""query {{
  petition(trackingCode: "{code}") {{
    title stateLabel(locale: "{locale}") stageLabel(locale: "{locale}")
    handling {{ workOrders {{
      cycle stateLabel(locale: "{locale}") department {{ name(locale: "{locale}") }} reply {{ words }}
      declines {{ department {{ name(locale: "{locale}") }} reason }} returnedReplies {{ reason }}
    }} }}
    evaluation {{ stateLabel(locale: "{locale}") reopened visits {{ responded solved satisfied }} }}
    timeline(first: 100) {{ edges {{ node {{
      at service stageLabel(locale: "{locale}") label(locale: "{locale}") byRole level
    }} }} }}
  }}
}}"""


def closing(
    case: Case, language: Language, *, console_url: str, code: str, secret: str, others: Sequence[Case], now: datetime
) -> str:
    """Return where the same can be seen, by whom, and what to try next.

    :param now: the domain's instant, which is said if the case made time run faster.
    """
    user, whom = case.committee.user, language.plain(case.committee.name)
    tried = "\n".join(f"  make demo CASE={other.name:10} {language.plain(other.title)}" for other in others)
    ahead = Words("", "")
    if case.speeds_time_up:
        ahead = Words(
            f"In the domain it is {in_shanghai(now)}, and time goes on from there; `make clean-data` begins anew.\n",
            f"业务时间现在是 {in_shanghai(now)}，从这里继续走；`make clean-data` 重新开始。\n",
        )
    return language.plain(
        Words(
            f"""
The same in the console, {console_url} : be {whom} ({user}), and run

{_query(code, language.locale)}

The resident opens it with tracking code {code} and secret {secret}.
{ahead.en}Try next:
{tried}
""",
            f"""
在控制台看同一件事：{console_url} ，选“{whom}”（{user}），运行

{_query(code, language.locale)}

居民凭查询码 {code} 和密码 {secret} 打开。
{ahead.zh}接着试试：
{tried}
""",
        )
    )
