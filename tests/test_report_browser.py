"""The report as a reader meets it: in a real browser, with scripts running."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from crosstide.report import write_report
from tests.report_cases import write_run

pytestmark = pytest.mark.cluster
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--enable-logging=stderr"]  # fmt: skip


def browser() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return found


def load(page: Path, folder: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    command = [browser(), *QUIET, f"--user-data-dir={folder / 'profile'}", *asked, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def ask(page: Path, script: str) -> None:
    """Let the page run a script of ours once its own has run."""
    text = page.read_text().replace("</body>", f'<script>addEventListener("load", () => {{{script}}});</script></body>')
    page.write_text(text)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    output, source, truth = write_run(tmp_path)
    return write_report(output, source, truth)


def test_the_report_reads_values_under_the_pointer_without_a_script_error(page: Path, tmp_path: Path) -> None:
    ask(page, """for (const svg of document.querySelectorAll("svg.chart")) {
      const box = svg.getBoundingClientRect();
      const middle = {clientX: box.left + box.width / 2, clientY: box.top + 99};
      svg.dispatchEvent(new PointerEvent("pointermove", middle)); }""")  # fmt: skip
    done = load(page, tmp_path, "--dump-dom")
    readouts = re.findall(r'<p class="readout">(.*?)</p>', done.stdout)
    assert len(readouts) == 6  # the whole run, four incidents, one fault that nobody reported
    assert all("<b>20" in readout for readout in readouts)
    assert "service/fraud · model score: " in readouts[0]
    assert re.search(r"CONSOLE.*(Uncaught|Error|Refused|violates)", done.stderr) is None


def test_a_narrow_screen_scrolls_down_and_never_sideways(page: Path, tmp_path: Path) -> None:
    ask(page, "const e = document.documentElement; e.dataset.width = `${e.clientWidth} ${e.scrollWidth}`;")
    done = load(page, tmp_path, "--window-size=390,900", "--dump-dom")
    shown = re.search(r'data-width="(\d+) (\d+)"', done.stdout)
    assert shown is not None
    assert int(shown[1]) <= 640
    assert shown[2] == shown[1]


def test_what_is_folded_is_printed(page: Path, tmp_path: Path) -> None:
    ask(page, 'dispatchEvent(new Event("beforeprint"));')
    done = load(page, tmp_path, "--dump-dom")
    assert done.stdout.count("<details") == done.stdout.count('<details open=""') > 0


def test_the_report_can_be_pictured(page: Path, tmp_path: Path) -> None:
    picture = tmp_path / "report.png"
    load(page, tmp_path, f"--screenshot={picture}", "--window-size=1300,1800")
    assert picture.stat().st_size > 50_000
