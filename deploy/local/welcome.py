"""What a run says when everything is ready: where it is, who one can be, and what to try next; 80 columns wide."""

from typing import Final

from deploy.local.demo.words import Language, Words
from deploy.local.settings import LocalSettings

_CONSOLE: Final = Words("the console", "控制台")
_SERVICES: Final = Words("the services", "三个服务")
_DATA: Final = Words("the data", "数据")
_WHO: Final = Words(
    "who you can be (choose in the console, or `make -s token ROLE=expert`):",
    "可以扮演的角色(控制台里选,或 make -s token ROLE=expert):",
)
_NEXT: Final = Words("what to try next:", "接下来可以:")
_PEOPLE: Final = (
    (("representative", "惠碧"), ("station_staff", "联络站"), ("community", "社区")),
    (("street_committee", "街道人大工委"), ("department", "承办单位"), ("expert", "专业人士")),
    (("district_supervisor", "区督办"), ("district_leader", "区委领导"), ("operator", "运维")),
    (("department_head", "承办单位负责人"), ("integrator", "系统对接方")),
)
_TRY: Final = (
    ("make demo CASE=household", Words("a case from its beginning to its end", "看一件事从头走到尾")),
    ("make shell ROLE=operator", Words("GraphQL from the terminal", "在终端里用 GraphQL")),
    ("make observe", Words("figures and traces", "运行数据与链路")),
    ("make topics", Words("the events, as they come", "实时查看事件")),
    ("make logs SERVICE=intake", Words("what a service logs", "服务日志")),
    ("make psql SERVICE=dispatch", Words("a service's database", "服务的数据库")),
    ("make audit", Words("prove that no petition lacks a clock", "核查每件诉求都在计时")),
    ("make help", Words("everything else", "其他命令")),
)


def welcome(settings: LocalSettings, language: Language) -> str:
    """Return it all, with an empty line before and after."""
    said = language.plain
    ports = f"intake :{settings.intake_port}  dispatch :{settings.dispatch_port}  feedback :{settings.feedback_port}"
    lines = [
        *_table([(said(_CONSOLE), _console(settings)), ("GraphQL", f"{_console(settings)}graphql")]),
        *_table([(said(_SERVICES), f"{ports}  (/readyz)"), (said(_DATA), str(settings.data_folder))]),
        "",
        f"  {said(_WHO)}",
        *("    " + "  ".join(f"{role} {zh}" if language.terms else role for role, zh in row) for row in _PEOPLE),
        "",
        f"  {said(_NEXT)}",
        *_table([(command, f"{said(why)}{_also(command, settings)}") for command, why in _TRY], 27),
        "",
        f"  {last_line(settings, language)}",
    ]
    return "\n".join(("", *lines, ""))


def last_line(settings: LocalSettings, language: Language) -> str:
    """Return the one line that remains to be said after a demo."""
    return language.plain(
        Words(
            f"Open {_console(settings)} in a browser; Ctrl-C here stops everything.",
            f"请用浏览器打开 {_console(settings)} ;在这里按 Ctrl-C 停止运行。",
        )
    )


def _also(command: str, settings: LocalSettings) -> str:
    return f"; http://127.0.0.1:{settings.observe_port}/" if command == "make observe" else ""


def _console(settings: LocalSettings) -> str:
    return f"http://127.0.0.1:{settings.gateway_port}/"


def _table(rows: list[tuple[str, str]], width: int = 13) -> list[str]:
    # A Chinese sign takes two columns.
    return [f"    {name}{' ' * (width - sum(1 + (sign > 'ÿ') for sign in name))} {what}" for name, what in rows]
