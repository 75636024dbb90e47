"""The picture of the figures: text, in any colours, and always of what is kept."""

from xml.etree import ElementTree

from bench.chart import CHART, draw
from bench.report import LATEST, read
from tests.support.figures import FIGURES


def test_the_picture_in_the_documentation_is_of_the_figures_that_are_kept() -> None:
    assert LATEST.exists() == CHART.exists()
    if LATEST.exists():
        assert CHART.read_text() == draw(read(LATEST)), "`python -m bench.chart` draws it anew"


def test_every_process_step_and_limit_is_in_it_as_text() -> None:
    picture = ElementTree.fromstring(draw(FIGURES))  # noqa: S314 - our own
    said = {"".join(text.itertext()) for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"gateway 9.5 ms", "generator 3.0 ms", "40.0 (39.5 to 40.5)", "140.0 (pgbench)"} <= said
    assert {"wait for feedback", "event to view", "10.0 / 30.0 ms", "4.0 / 9.0 ms", "intake, direct"} <= said


def test_nothing_of_it_is_wider_than_the_picture() -> None:
    picture = ElementTree.fromstring(draw(FIGURES))  # noqa: S314 - our own
    wide = float(picture.attrib["width"])
    letter = 8.5  # of 13 pixels, generously
    for text in picture.iter("{http://www.w3.org/2000/svg}text"):
        assert float(text.attrib["x"]) + letter * len(text.text or "") <= wide + 1, text.text
