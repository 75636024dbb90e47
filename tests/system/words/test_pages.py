"""Two languages of a page say the same, and the documentation's site has every page and nothing from elsewhere."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from deploy.local.node import find_node, install_packages
from deploy.local.settings import ROOT, default_cache_folder
from deploy.site import build as building
from deploy.site.errors import SiteError
from deploy.site.pages import files, lines, page, pages
from tests.system.console.test_browser import PICTURES, chromium
from tests.system.words.blocks import blocks_of, objects
from tests.system.words.likeness import form_of

WITHIN = 120.0
CONSOLE = Path(__file__).parents[1] / "console"
PACKAGE = ("package.json", "package-lock.json")
TWO_LANGUAGES = [
    ("README.md", "README.zh-CN.md"),
    ("docs/concepts.md", "docs/concepts.zh-CN.md"),
    ("docs/departments.md", "docs/departments.zh-CN.md"),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"(#+) ")
HAN = re.compile(r"[\u4e00-\u9fff]")


def source(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(name: str) -> list[str]:
    return [line for line, fenced in lines(source(name)) if not fenced]


def outline(name: str) -> list[str]:
    """Return a page's form: the levels of headings, rows and columns of tables, lists and pictures, in their order."""
    found: list[str] = []
    for line in prose(name):
        if heading := HEADING.match(line):
            found.append(heading[1])
        elif line.startswith("|"):
            found.append(f"row of {line.count('|') - 1}")
        elif re.match(r"(-|\d\.) |!\[", line):
            found.append(line[0])
    return found


def links(name: str) -> list[str]:
    """Where a page's links lead, but for the other language."""
    found = [link for line in prose(name) for link in LINK.findall(line)]
    return sorted(link.replace(".zh-CN.md", ".md") for link in found)


@pytest.mark.parametrize(("english", "chinese"), TWO_LANGUAGES)
def test_both_languages_have_the_same_headings_tables_and_links(english: str, chinese: str) -> None:
    assert outline(chinese) == outline(english)
    assert links(chinese) == links(english)


@pytest.mark.parametrize(("english", "chinese"), TWO_LANGUAGES)
def test_both_languages_show_the_same_code(english: str, chinese: str) -> None:
    def told(name: str) -> list[tuple[str, tuple[str, ...], object]]:
        return [(block.language, block.marks, essence(block.language, block.text)) for block in blocks_of(name)]

    assert told(chinese) == told(english)


def essence(language: str, text: str) -> object:
    """What of a block is the same in every language: code without comments, an answer's fields."""
    if language == "json":
        return shape(objects(text))
    if language == "mermaid":
        return re.findall(r"-->|-\.->", text)
    without_comments = re.sub(r" *#.*", "", text)
    return re.sub(r'\(locale: "en"\)', "", without_comments)


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return value if form_of(value) or not isinstance(value, str) or value.isupper() else "words"


@pytest.mark.parametrize("chinese", [chinese for _, chinese in TWO_LANGUAGES])
def test_a_page_in_chinese_is_in_chinese(chinese: str) -> None:
    for line in prose(chinese):
        if HEADING.match(line) or (line.startswith("- ") and len(line) > 40):
            assert HAN.search(line), line


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site; the generator's strict check of links and anchors between its pages is part of building it."""
    folder = tmp_path_factory.mktemp("site") / "site"
    building.build(folder)
    return folder


def test_the_site_has_every_page_and_file(site: Path) -> None:
    for name, place in pages(ROOT).items():
        assert (site / place).with_suffix(".html").exists(), name
    for name, place in files(ROOT).items():
        assert (site / place).exists(), name
    events = (site / "events" / "petition-intake.html").read_text(encoding="utf-8")
    assert "街道受理" in events
    assert "../schemas/intake/petition.accepted.v1.json" in events


def test_nothing_of_the_site_is_fetched_from_elsewhere(site: Path) -> None:
    assert building.outside(site) == []
    assert "mermaid" in (site / "readme.html").read_text(encoding="utf-8")
    assert (site / "javascripts" / "mermaid.js").stat().st_size > 1_000_000
    (site / "stranger.html").write_text(
        '<link rel="stylesheet" href="https://fonts.example/a.css"><a href="https://x.example">'
    )
    assert [address for _, address in building.outside(site)] == ["https://fonts.example/a.css"]
    (site / "stranger.html").unlink()


async def test_diagrams_are_drawn_and_a_word_within_a_chinese_sentence_is_found(site: Path) -> None:
    """Opened as files in Chromium, all outside blocked; 首接负责 stands in both concepts and in the glossary."""
    browser = chromium()
    folder = default_cache_folder() / "test-browser"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (*(CONSOLE / name for name in PACKAGE), Path(__file__).with_name("reader.mjs")):
        shutil.copy(file, folder / file.name)
    await install_packages(find_node(), folder, folder)
    drawn = {place.replace(".md", ".html") for name, place in pages(ROOT).items() if "```mermaid" in source(name)}
    assert len(drawn) >= 6
    reader = await asyncio.create_subprocess_exec(
        *(find_node().program, folder / "reader.mjs", site, "首接负责", *sorted(drawn)),
        env={
            **os.environ,
            "CHROMIUM": browser,
            "PICTURES": str(Path(os.environ[PICTURES]).absolute()) if PICTURES in os.environ else "",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asyncio.wait_for(reader.communicate(), WITHIN)
    assert reader.returncode == 0, complained.decode()
    assert int(said) >= 3


def test_a_link_to_code_is_named_and_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "code.py").touch()
    linked = "[the code](../code.py), [itself](a.md#a), [away](https://x.example)"
    (tmp_path / "docs" / "a.md").write_text(f"# A\n\n{linked}\n\n```graphql as:nobody\n[b](c)\n```\n")
    known = pages(tmp_path)
    written = page(tmp_path, "docs/a.md", known)
    assert "the code, [itself](a.md#a), [away](https://x.example)" in written
    assert "```graphql\n[b](c)\n```" in written
    (tmp_path / "code.py").unlink()
    with pytest.raises(SiteError, match=r"docs/a\.md links to \.\./code\.py, which does not exist"):
        page(tmp_path, "docs/a.md", known)


def test_an_anchor_that_no_heading_has_stops_the_build(tmp_path: Path) -> None:
    building.lay_out(tmp_path)
    with (tmp_path / "pages" / "glossary.md").open("a", encoding="utf-8") as glossary:
        glossary.write("\n[nowhere](operators.md#no-such-heading)\n")
    with pytest.raises(SiteError, match="no-such-heading"):
        building.generate(tmp_path, tmp_path / "built")


def test_sentences_that_operators_are_told_about_are_those_that_are_said() -> None:
    said = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "deploy" / "local").glob("*.py"))
    section = (
        "\n".join(prose("docs/operators.md")).partition("## When something does not come up")[2].partition("\n## ")[0]
    )
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    sentences = [told for row in rows for told in re.findall(r"`([^`]+)`", row)]
    assert len(sentences) >= 5
    for sentence in sentences:
        for piece in sentence.split("…"):
            assert piece.strip() in said, sentence
