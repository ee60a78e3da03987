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


@pytest.fixture
def page(tmp_path: Path) -> Path:
    output, source, truth = write_run(tmp_path)
    return write_report(output, source, truth)


def test_the_report_shows_its_lanes_in_a_browser_without_a_script_error(page: Path, tmp_path: Path) -> None:
    # moves a pointer over the chart once the page's own script has run, so that the readout is exercised as well
    probe = """<script>addEventListener("load", () => { const svg = document.querySelector("[data-chart] svg");
      const box = svg.getBoundingClientRect();
      const middle = {clientX: box.left + box.width / 2, clientY: box.top + 99};
      svg.dispatchEvent(new PointerEvent("pointermove", middle)); });
      </script></body>"""
    page.write_text(page.read_text().replace("</body>", probe))
    done = load(page, tmp_path, "--dump-dom")
    overview = done.stdout.split("data-chart")[1].split("</figure>")[0]
    assert len(re.findall(r'class="lane ', overview)) == 12
    readout = done.stdout.split('id="readout">')[1].split("</p>")[0]
    assert "service/fraud · model score: " in readout
    assert re.search(r"CONSOLE.*(Uncaught|Error|Refused|violates)", done.stderr) is None


def test_the_report_can_be_pictured(page: Path, tmp_path: Path) -> None:
    picture = tmp_path / "report.png"
    load(page, tmp_path, f"--screenshot={picture}", "--window-size=1300,1800")
    assert picture.stat().st_size > 50_000
