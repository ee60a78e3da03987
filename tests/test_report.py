"""The report as a file: whole, self-contained, bounded, and safe against what it shows."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from crosstide.report import write_report
from crosstide.report.chart import MAX_DEPTH, Bar, chart
from crosstide.report.facts import accounting, facts, window_ms
from crosstide.report.lanes import MAX_LANES, choose
from crosstide.report.read import read_revisions, read_series
from crosstide.report.thin import LIMIT, Point, Thinned
from crosstide.report.words import ticks
from crosstide.score_input import ScoreInputError
from tests.report_cases import write_run
from tests.score_cases import incident, write_lines


class Tags(HTMLParser):
    """Collects the elements that are opened and checks that each is closed."""

    VOID = frozenset({"meta", "link", "br", "i", "rect", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    output, source, truth = write_run(tmp_path_factory.mktemp("run"))
    path = write_report(output, source, truth)
    assert path == output / "report.html"
    return path.read_text()


def test_the_page_is_well_formed_and_asks_for_nothing_outside_itself(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    links = [value for _, attrs in tags.seen for name, value in attrs.items() if name in ("src", "href")]
    assert all(value is not None and value.startswith(("#", "data:")) for value in links)
    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page


def test_every_link_inside_the_page_leads_somewhere(page: str) -> None:
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids


def test_the_table_sets_incidents_beside_the_truth(page: str) -> None:
    table = page.split("<tbody>")[1].split("</tbody>")[0]
    for words in ("✓ found", "✗ missed", "✓ stayed quiet", "✗ false", "26 s", "resource saturation on node/n1"):
        assert words in table
    assert "2 of 3</b> faults found" in page


def test_an_incident_shows_its_causes_with_reasons_its_lag_its_anomalies_and_its_advice(page: str) -> None:
    article = page.split('<article id="inc-a1">')[1].split("</article>")[0]
    for words in ("node/n1 turned strange 10 s before the service", "width:60.0%", "0.25 … 0.58",
                  "Move work off node n1.", "10 s</b> before the models did.", "revision 2", "<svg"):  # fmt: skip
        assert words in article


def test_text_from_outside_is_shown_and_never_run(page: str) -> None:
    assert "<b>checkout</b>" not in page
    assert "&lt;b&gt;checkout&lt;/b&gt; wavers" in page


def test_records_are_accounted_for_topic_by_topic(page: str) -> None:
    assert "24,010" in page
    assert "41.2 s" in page


def test_a_folder_without_anything_still_gives_a_page_that_says_so(tmp_path: Path) -> None:
    page = write_report(tmp_path, tmp_path, None).read_text()
    for words in ("No incident was opened.", "nothing to draw", "left no summary"):
        assert words in page


def test_without_a_truth_the_incidents_stand_alone(tmp_path: Path) -> None:
    output, source, _ = write_run(tmp_path)
    page = write_report(output, source, None).read_text()
    assert "recorded truth" not in page
    assert "fraud is slow while node n1 is busy" in page


@pytest.mark.parametrize("name", ["model-scores.jsonl", "infra-scores.jsonl", "incidents.jsonl", "summary.json"])
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}\n{" if name != "summary.json" else "{")
    with pytest.raises(ScoreInputError, match=name):
        write_report(tmp_path, tmp_path, None)


def test_a_thinned_series_is_bounded_and_keeps_its_strangest_window() -> None:
    thinned = Thinned()
    for n in range(50_000):
        thinned.add(Point(n * 10_000, float(n % 7), 9.0 if n == 31_234 else 0.1))
    points = thinned.points()
    assert LIMIT / 2 <= len(points) <= LIMIT
    assert max(points, key=lambda p: p.score).at_ms == 312_340_000


def test_an_expected_range_is_taken_from_whichever_detector_gives_one() -> None:
    thinned = Thinned()
    thinned.add(Point(0, 5.0, 2.0))
    thinned.add(Point(0, 5.0, 1.0, 3.0, 4.0))
    assert thinned.points() == [Point(0, 5.0, 2.0, 3.0, 4.0)]


def test_at_most_a_dozen_lanes_are_drawn_those_of_the_incidents_first(tmp_path: Path) -> None:
    output, _, _ = write_run(tmp_path)
    series = read_series(output)
    incidents = [group[-1] for group in read_revisions(output)]
    chosen = choose(series, incidents)
    assert len(chosen.keys) == MAX_LANES
    assert chosen.left_out == len(series) - MAX_LANES
    assert (chosen.keys[0].subject, chosen.keys[0].signal) == ("service/fraud", "")
    only = choose(series, incidents[:1], only=True)
    assert {key.subject for key in only.keys} == {"service/fraud", "node/n1"}


def test_a_large_run_gives_a_page_of_bounded_size(tmp_path: Path) -> None:
    many = [incident(f"i{n}", n * 5, n * 5 + 2, resolved=n * 5 + 300) for n in range(400)]
    write_lines(tmp_path / "incidents.jsonl", many)
    page = write_report(tmp_path, tmp_path, None).read_text()
    assert "360 more are in incidents.jsonl" in page
    assert "more not drawn" in page
    assert "The first 40 of 400" in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert len(page) < 3_000_000


def test_bars_that_overlap_stand_below_each_other() -> None:
    bars = [Bar("incident", f"b{n}", "", 0, 100) for n in range(MAX_DEPTH + 2)]
    drawn = chart([("incidents", bars)], [], (0, 100), "t", "x")
    assert drawn.count('class="bar incident"') == MAX_DEPTH
    assert "2 more not drawn" in drawn


def test_the_summary_is_read_by_what_is_there() -> None:
    assert window_ms({}) == 10_000
    assert window_ms({"windows": {"size_ms": 60_000}}) == 60_000
    assert facts({"elapsed_s": 61, "windows": {"size_ms": 5000}, "deep": {"x": {"y": 1}}, "odd": None}) == [
        ("took", "1 min 1 s"), ("windows: size", "5 s")]  # fmt: skip
    spread = accounting(
        {"topics": {"a": {"0": {"consumed": 3}, "1": {"consumed": 4, "late": 1}}, "b": {"consumed": 2}}}
    )
    assert spread.columns == ["consumed", "late"]
    assert spread.rows == [("a", [7, 1]), ("b", [2, None])]
    assert facts(json.loads("{}")) == []


def test_ticks_are_round_and_few() -> None:
    assert [label for _, label in ticks(1_000, 61_000)][:2] == ["00:00:10", "00:00:20"]
    for span in (5_000, 3_600_000, 14 * 86_400_000, 900 * 86_400_000):
        assert 2 <= len(ticks(0, span)) <= 10
