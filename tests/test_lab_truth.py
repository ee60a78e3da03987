"""The truth of a recording: what is written of each fault, on records whose effects are known by hand."""

from collections.abc import Callable
from typing import Any

from crosstide.lab import shop
from crosstide.lab.clock import iso
from crosstide.lab.faults import kinds
from crosstide.lab.plan import Slot
from crosstide.lab.truth import Done, truth

BEGIN, END = 1_000_000, 1_300_000
FIRST = BEGIN + 100_000
Row = dict[str, Any]
Change = Callable[[int], Row]


def outputs(service: str, change: Change = lambda _at: {}) -> list[Row]:
    """Ten steady requests a second; `change` says what is different at a time."""
    rows = []
    for at in range(BEGIN, END, 100):
        wave = (at // 100) % 3 - 1
        row: Row = {"service": service, "timestamp": iso(at), "request_id": f"r{at}", "prediction": "a"}
        rows.append(row | {"latency_ms": 10.0 + wave, "confidence": 0.9 + 0.01 * wave} | change(at))
    return rows


def slow(since: int, until: int) -> Change:
    return lambda at: {"latency_ms": 30.0} if since <= at < until else {}


def done(kind: str, start: int, end: int, target: str | None = None) -> Done:
    found = kinds()[kind]
    return Done(Slot(f"f-{kind}", kind, 0.0, 40.0, 0.5, target or found.targets[0], seed=1), found, start, end)


def entries(faults: list[Done], **topics: list[Row]) -> list[dict[str, Any]]:
    named = {name.replace("_", "-"): rows for name, rows in topics.items()}
    found: list[dict[str, Any]] = truth(9, BEGIN, END, faults, named, lambda slot: shop.reach(slot.target))["faults"]
    return found


def test_a_fault_names_its_accepted_causes_its_reach_and_what_was_suffered() -> None:
    rows = outputs("fraud", slow(FIRST, FIRST + 50_000)) + outputs("checkout")
    fault = entries([done("cpu_hog", FIRST, FIRST + 40_000, "node/n2")], model_outputs=rows)[0]
    assert (fault["trap"], fault["categories"], fault["entities"]) == (False, ["resource_saturation"], ["node/n2"])
    assert fault["reach"] == ["checkout", "fraud", "price", "ranking"]
    assert (fault["effect_at"], fault["recovered_at"]) == (iso(FIRST), iso(FIRST + 50_000))
    assert fault["effect"] == {"service": "fraud", "measure": "latency_ms.p50", "before": 10.0, "during": 30.0}


def test_a_trap_names_no_cause() -> None:
    fault = entries([done("busy_node", FIRST, FIRST + 40_000)], model_outputs=outputs("fraud"))[0]
    assert (fault["trap"], fault["categories"], fault["entities"]) == (True, [], [])
    assert (fault["effect_at"], fault["recovered_at"], fault["effect"]) == (None, None, None)


def test_a_load_that_falls_on_purpose_is_not_traffic_lost() -> None:
    rows = [r for r in outputs("checkout") if r["timestamp"] < iso(FIRST) or int(r["request_id"][1:]) % 1_000 == 0]
    fault, loss = done("quiet_night", FIRST, FIRST + 40_000), done("restart_loop", FIRST, FIRST + 40_000)
    assert entries([fault], model_outputs=rows)[0]["effect"] is None
    assert entries([loss], model_outputs=rows)[0]["effect"]["measure"] == "rate"


def test_trouble_of_a_service_beyond_reach_is_not_the_effect() -> None:
    rows = outputs("ranking", slow(FIRST, END)) + outputs("price")
    fault = done("restart_loop", FIRST, FIRST + 40_000, "service/price")
    assert entries([fault], model_outputs=rows)[0]["effect"] is None


def test_late_labels_tell_of_wrong_answers() -> None:
    rows = outputs("price")
    labels = [
        {"service": "price", "request_id": r["request_id"], "label": "b" if r["timestamp"] >= iso(FIRST) else "a"}
        for r in rows
    ]
    fault = entries([done("feature_bug", FIRST, FIRST + 40_000, "service/price")], model_outputs=rows, labels=labels)[0]
    assert (fault["effect_at"], fault["effect"]["measure"]) == (iso(FIRST), "accuracy")


def test_two_faults_at_once_share_the_quiet_time_before_the_first() -> None:
    second = FIRST + 7_000
    rows = outputs("price", slow(FIRST, END)) + outputs("ranking", slow(second, END))
    pair = [
        done("restart_loop", second, FIRST + 45_000, "service/ranking"),
        done("restart_loop", FIRST, FIRST + 45_000, "service/price"),
    ]
    found = entries(pair, model_outputs=rows)
    assert [f["target"] for f in found] == ["service/price", "service/ranking"]
    assert [(f["effect_at"], f["effect"]["before"]) for f in found] == [(iso(FIRST), 10.0), (iso(second), 10.0)]
    assert {f["recovered_at"] for f in found} == {iso(FIRST + 105_000), iso(second + 95_000)}


def test_recovery_is_followed_only_until_the_next_fault_and_what_lasts_is_no_quiet_for_it() -> None:
    start, following = FIRST + 20_000, FIRST + 90_000
    rows = outputs("price", slow(start, following - 20_000))
    found = entries(
        [
            done("restart_loop", start, start + 30_000, "service/price"),
            done("restart_loop", following, following + 30_000, "service/price"),
        ],
        model_outputs=rows,
    )
    assert (found[0]["recovered_at"], found[1]["effect"]) == (iso(following - 20_000), None)
    worse = outputs("price", slow(start, END))
    first = entries([done("restart_loop", start, start + 30_000, "service/price")], model_outputs=worse)[0]
    assert first["recovered_at"] == iso(start + 90_000)


def test_telemetry_that_is_lost_is_measured_by_its_silence_and_no_request_is_asked() -> None:
    silent = range(FIRST + 1_000, FIRST + 40_000)
    telemetry = [
        {"node": "n1", "timestamp": iso(at), "metric": metric, "value": 1.0}
        for at in range(BEGIN, END, 1_000)
        for metric in ("node.cpu.utilization", "node.memory.utilization")
        if at not in silent
    ]
    event = {"node": "n1", "timestamp": iso(FIRST + 20_000), "metric": "x", "value": 1, "kind": "event"}
    fault = done("telemetry_silent", FIRST, FIRST + 40_000, "node/n1")
    rows = outputs("checkout", slow(FIRST, END))
    found = entries([fault], model_outputs=rows, telemetry=[*telemetry, event])[0]
    assert (found["effect_at"], found["recovered_at"]) == (iso(FIRST), iso(FIRST + 40_000))
    assert found["effect"] == {"service": "node/n1", "measure": "telemetry.rate", "before": 1.0, "during": 0.0}
    assert entries([fault], model_outputs=rows)[0]["effect"] is None  # nothing was heard at all: nothing is said


def test_a_fault_with_too_little_quiet_before_it_is_kept_without_an_effect_and_says_why() -> None:
    (found,) = entries([done("cpu_hog", BEGIN + 14_000, BEGIN + 40_000)], model_outputs=outputs("price"))
    assert found["effect"] is None
    assert "only 2 bins of quiet" in found["unmeasured"]


def test_the_second_of_two_at_once_keeps_quiet_enough_after_a_fault_that_did_not_recover() -> None:
    first = done("cpu_hog", FIRST, FIRST + 40_000, "node/n1")
    both = [done("cpu_hog", FIRST + 85_000 + lag, FIRST + 120_000, "node/n1") for lag in (0, 6_300)]
    found = entries([first, *both], model_outputs=outputs("price", slow(FIRST, END)))
    assert not any("unmeasured" in one for one in found)
