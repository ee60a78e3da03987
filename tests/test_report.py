"""The report as a file: whole, self-contained, bounded, and safe against what it shows."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from crosstide.report import write_report
from crosstide.score_input import ScoreInputError
from tests.report_cases import write_run
from tests.score_cases import fault, incident, write_lines, write_truth


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


def table(page: str, section: str) -> str:
    return page.split(f'<section id="{section}"')[1].split("</table>")[0]


def test_the_page_is_well_formed_and_asks_for_nothing_outside_itself(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    links = [value for _, attrs in tags.seen for name, value in attrs.items() if name in ("src", "href")]
    assert all(value is not None and value.startswith(("#", "data:")) for value in links)
    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page


def test_every_link_inside_the_page_leads_to_one_place(page: str) -> None:
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_each_entry_of_the_truth_says_what_became_of_it_and_leads_to_its_incident(page: str) -> None:
    rows = table(page, "truth")
    outcomes = ("✓ found", "✗ missed", "✓ stayed quiet", "hurt nobody", "after 26 s")
    causes = ("resource saturation on node/n1", "fraud: p50 latency 8.24 → 57.8 ms", "busy processes on a core")
    for words in (*outcomes, *causes):
        assert words in rows
    first, last = rows.split('<tr id="F1">')[1].split("</tr>")[0], rows.split('<tr id="F4">')[1].split("</tr>")[0]
    assert 'href="#inc-a1"' in first
    assert 'href="#inc-d4"' in last
    assert "neutral" in last
    assert "2 of 3</b> faults found" in page
    assert "<b>1</b> false incident<" in page


def test_each_incident_says_what_it_was_in_truth_and_leads_back_to_it(page: str) -> None:
    rows = table(page, "incidents")
    for words in ('href="#F1"', 'href="#F4"', "✗ false", "nothing was done near", "neutral", "and checkout"):
        assert words in rows


def test_the_whole_run_shows_truth_and_incidents_on_the_row_of_each_service_and_node(page: str) -> None:
    drawn = page.split('<section id="whole"')[1].split("</figure>")[0]
    assert [drawn.count(f">{name}</text>") for name in ("service/fraud", "service/checkout", "node/n1", "node/n2")] == [
        1, 1, 1, 1]  # fmt: skip
    for words in ('href="#F1"', 'href="#T1"', 'href="#inc-a1"', 'class="bar member"', "(I1) of fraud", ">elsewhere<",
                  'class="bar harmless"', 'class="bar trap"', "fraud@7"):  # fmt: skip
        assert words in drawn


def test_an_incident_shows_truth_causes_with_reasons_lag_anomalies_and_advice(page: str) -> None:
    article = page.split('<article id="inc-a1">')[1].split("</article>")[0]
    for words in ("node/n1 turned strange 10 s before the service", "width:60.0%", "0.25 … 0.58",
                  "Move work off node n1.", "10 s</b> before the models did", "revision 2", "<svg", "✓ as in truth",
                  'href="#F1"', "without an incident of their own: <b>checkout</b>", "points to CPU saturation",
                  "F1 cpu hog on node/n1 begins", "opened 26 s after its effect began"):  # fmt: skip
        assert words in article


def test_a_fault_that_nobody_reported_is_drawn_with_what_there_was_to_see(page: str) -> None:
    missed = page.split('<section id="missed"')[1].split("</section>")[0]
    for words in ("F2 slow dependency on service/fraud", "<svg", 'data-name="service/checkout · model score"'):
        assert words in missed


def test_words_that_a_stranger_would_not_know_are_explained(page: str) -> None:
    words = page.split('<section id="words"')[1]
    for term in ("score", "drift of X, PSI", "lag", "trap", "confidence of a cause", "ewma"):
        assert f"<dt>{term}</dt>" in words


def test_text_from_outside_is_shown_and_never_run(page: str) -> None:
    assert "<b>checkout</b> wavers" not in page
    assert "&lt;b&gt;checkout&lt;/b&gt; wavers" in page


def test_records_are_accounted_for_topic_by_topic(page: str) -> None:
    assert "24,010" in page
    assert "41.2 s" in page


def test_a_folder_without_anything_still_gives_a_page_that_says_so(tmp_path: Path) -> None:
    page = write_report(tmp_path, tmp_path, None).read_text()
    for words in ("No incident was opened.", "nothing to draw", "left no summary"):
        assert words in page


def test_without_incidents_every_fault_is_missed(tmp_path: Path) -> None:
    page = write_report(tmp_path, tmp_path, write_truth(tmp_path / "truth.json", [fault("f1", 0, 50, 5)])).read_text()
    assert "0 of 1</b> faults found" in page
    assert "Faults nobody reported" in page


def test_without_a_truth_the_incidents_stand_alone(tmp_path: Path) -> None:
    output, source, _ = write_run(tmp_path)
    page = write_report(output, source, None).read_text()
    assert "truth" not in page.split("<body>")[1]
    assert "fraud is slow while node n1 is busy" in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


@pytest.mark.parametrize("name", ["model-scores.jsonl", "infra-scores.jsonl", "incidents.jsonl", "summary.json"])
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}\n{" if name != "summary.json" else "{")
    with pytest.raises(ScoreInputError, match=name):
        write_report(tmp_path, tmp_path, None)


def test_a_large_run_gives_a_page_of_bounded_size(tmp_path: Path) -> None:
    many = [incident(f"i{n}", n * 5, n * 5 + 2, resolved=n * 5 + 300) for n in range(400)]
    write_lines(tmp_path / "incidents.jsonl", many)
    page = write_report(tmp_path, tmp_path, None).read_text()
    assert "360 more are in incidents.jsonl" in page
    assert "more not drawn" in page
    assert "The first 40 of 400" in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert len(page) < 3_000_000
