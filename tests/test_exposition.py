"""Metrics in Prometheus' own format: names that are known, labels that cannot break out of their quotes."""

import shutil
import subprocess
from urllib.request import ProxyHandler, build_opener

import pytest

from crosstide.cluster.exporter import serve
from crosstide.cluster.exposition import Sample, exposition, samples
from crosstide.cluster.health import Health, labels_of
from crosstide.cluster.health_text import lines
from crosstide.cluster.processes import free_ports
from models.packets import COUNTS

HEALTH = Health(
    job_id="j", name="crosstide: pipeline", state="RUNNING", uptime_s=75.0, restarts=2, checkpoint_age_s=1.5,
    checkpoint_s=0.2, checkpoints_failed=1, watermark_s=1_700_000_000.0, lag={"telemetry": 7},
    totals={"telemetry": {**dict.fromkeys(COUNTS, 0), "consumed": 9, "scored": 6, "late": 1, "dead_lettered": 2}},
    open_incidents=3, gauges={("warming_up", (("stream", "model"),)): 4.0, ("tracked_services", ()): 5.0},
    state_bytes={'score "model" windows': 2048},
)  # fmt: skip


def test_every_sample_has_help_and_type_once_and_quotes_are_escaped() -> None:
    text = exposition(samples(HEALTH))
    assert 'crosstide_events_total{result="dead_lettered",topic="telemetry"} 2' in text
    assert 'crosstide_warming_up_keys{stream="model"} 4' in text
    assert r'crosstide_state_bytes{operator="score \"model\" windows"} 2048' in text
    assert text.count("# TYPE crosstide_events_total counter") == 1
    assert exposition([Sample("crosstide_up", 1, {"a": 'x\n"\\'})]).endswith('crosstide_up{a="x\\n\\"\\\\"} 1\n')


def test_a_name_that_nobody_has_described_is_an_error() -> None:
    with pytest.raises(KeyError):
        exposition([Sample("crosstide_made_up", 1)])


def test_what_is_not_known_has_no_sample() -> None:
    unknown = Health(job_id="j", name="n", state="RESTARTING", uptime_s=0, restarts=0)
    text = exposition(samples(unknown))
    assert "crosstide_up 0" in text
    assert "checkpoint_age" not in text
    assert "lag" not in text


def test_promtool_finds_the_text_right() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine (Debian: apt-get install prometheus)")
    text = exposition(samples(HEALTH))
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics_are_served_on_the_loopback_and_nothing_else_is() -> None:
    class Two:
        def samples(self) -> list[Sample]:
            return [Sample("crosstide_up", 1)]

    address = f"127.0.0.1:{free_ports(1)[0]}"
    server = serve(address, Two())  # type: ignore[arg-type]
    ask = build_opener(ProxyHandler({})).open
    try:
        with ask(f"http://{address}/metrics", timeout=10) as answer:
            assert answer.read().decode().splitlines()[-1] == "crosstide_up 1"
        with pytest.raises(OSError, match="404"):
            ask(f"http://{address}/etc/passwd", timeout=10)
    finally:
        server.shutdown()
        server.server_close()


def test_the_health_in_words_answers_what_one_asks_at_night() -> None:
    text = "\n".join(lines(HEALTH))
    for said in ("RUNNING, for 1 min 15 s; restarts: 2", "1.5 s ago", "failed or too early so far: 1", "telemetry 7",
                 "3 open", "dead letters  telemetry 2", "5 tracked, 4 warming up"):  # fmt: skip
        assert said in text


def test_labels_are_read_from_a_metric_s_full_name() -> None:
    assert labels_of("score.stream.infra.warming_up") == (("stream", "infra"),)
    assert labels_of("c.severity.high.transition.opened.incidents_total") == (
        ("severity", "high"), ("transition", "opened"),
    )  # fmt: skip
    assert labels_of("open_incidents") == ()
