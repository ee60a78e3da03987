"""Names come from outside: what is remembered of them has a limit, and those that were there first keep their place."""

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

from models import model_pane
from models.admission import MODEL, TELEMETRY, admit
from models.artifact import Artifacts
from models.bucket import Bucket
from models.config import Limits, Pipeline
from models.scorer import Scorer
from models.series_cap import capped
from models.stale import late_accounts
from models.telemetry_blob import SEPARATOR
from tests.core_cases import T0, accounts, arrival, frame_of, output, read, sample


def bucket_of(name: str) -> str:
    return next(one.key for one in read("model-outputs", [arrival(output(service=name))]) if one.topic == "pane")


def neighbours(many: int) -> list[str]:
    """Names of services of one bucket, in order."""
    wanted = bucket_of("s0")
    found = (name for name in (f"s{at}" for at in count()) if bucket_of(name) == wanted)
    return sorted(name for name, _ in zip(found, range(many), strict=False))


def model_blob(services: Sequence[str], times: Sequence[int] | None = None, **more: object) -> bytes:
    """Records of services, one a millisecond unless said otherwise, on two partitions in turn."""
    at = range(len(services)) if times is None else times
    arrivals = [
        arrival(output(service=name, request_id=f"r{ms}", features={"x": 1.0, name: ms}, **more), T0 + ms, ms % 2)
        for ms, name in zip(at, services, strict=True)
    ]
    [blob] = [packet.value for packet in read("model-outputs", arrivals) if packet.topic == "pane"]
    return blob


def telemetry_blob(*nodes: str) -> bytes:
    arrivals = [arrival(sample(node=name, metric=f"m{at}"), T0 + at) for at, name in enumerate(nodes)]
    return next(packet.value for packet in read("telemetry", arrivals) if packet.topic == "pane")


def test_while_there_is_room_blobs_pass_as_they_are() -> None:
    blob = model_blob(["a", "a"])
    passed = admit([blob], set(), 1, MODEL)
    assert (passed.blobs, passed.dropped, passed.refused) == ([blob], Counter(), set())


def test_known_subjects_stay_when_new_ones_flood_in_and_what_is_refused_is_counted_by_partition() -> None:
    blob = telemetry_blob("n1")
    assert admit([blob], {"node/n1"}, 1, TELEMETRY).blobs == [blob]
    refused = admit([blob], {"node/other"}, 1, TELEMETRY)
    assert (refused.blobs, refused.dropped, refused.refused) == ([], Counter({0: 1}), {"node/n1"})


def test_of_several_new_subjects_the_first_by_name_come_in_whatever_their_order() -> None:
    first, second, third = neighbours(3)
    for names in ([first, second, third], [third, second, first]):
        assert admit([model_blob(names)], set(), 2, MODEL).refused == {f"service/{third}"}
    assert admit([model_blob([first, second])], {f"service/{third}"}, 2, MODEL).refused == {f"service/{second}"}


def test_a_blob_without_the_refused_gives_what_a_blob_of_the_others_alone_gives() -> None:
    stays, goes = neighbours(2)
    names = [stays, goes, stays, goes, stays]
    for more in ({}, {"latency_ms": 3.0, "prediction": "cat"}, {"confidence": 0.5, "prediction": 4.0}):
        passed = admit([model_blob(names, **more)], set(), 1, MODEL)
        alone = model_blob([stays] * 3, [0, 2, 4], **more)
        (pane, *counts), (wanted, *wanted_counts) = (
            model_pane.fold_blobs(blobs, Limits()) for blobs in (passed.blobs, [alone])
        )
        assert passed.dropped == Counter({1: 2})
        assert counts == wanted_counts
        assert pane.services == wanted.services == [stays]
        assert np.array_equal(pane.sums, wanted.sums)
        assert cells_by_name(pane) == cells_by_name(wanted)


def cells_by_name(pane: model_pane.ModelPane) -> list[tuple[str, list[float]]]:
    told = zip(pane.feature_cells[:, 1].tolist(), pane.feature_sums.tolist(), strict=True)
    return [(pane.features[code], sums) for code, sums in told]


def test_a_bucket_that_is_full_judges_those_it_knows_and_accounts_for_every_record_of_the_others() -> None:
    known, *flood = neighbours(20)
    pipeline = Pipeline.model_validate({"limits": {"max_services": 8}, "windows": {"buckets": 8}})
    bucket = Bucket[Any]("model", pipeline, Scorer.of("model", pipeline, Artifacts.empty()).judge)
    memory = bucket.close(None, [(T0, model_blob([known]))], T0 + 10_000).known
    later = T0 + 10_000
    closed = bucket.close(memory, [(later, model_blob([*flood, known, *flood], at(later, 39)))], T0 + 20_000)
    assert (closed.tracked, closed.refused) == (1, 19)
    assert [judged.subject for judged in closed.judged] == [f"service/{known}"]
    counts = sum(accounts(closed.accounts).values(), Counter[str]())
    assert counts == Counter(scored=1, dropped_by_policy=38)


def at(start_ms: int, many: int) -> list[int]:
    return [start_ms - T0 + ms for ms in range(many)]


def test_series_beyond_the_cap_are_left_out_and_known_ones_never() -> None:
    frame = frame_of({("node/n1", f"m{at}"): float(at) for at in range(6)} | {("node/n2", "m0"): 1.0})
    known = {"node/n1 m5", "node/n1 m4"}
    assert sorted(capped(frame, known, 3).keys) == ["node/n1 m0", "node/n1 m4", "node/n1 m5", "node/n2 m0"]
    assert dict(zip(frame.keys, frame.values, strict=True))["node/n1 m5"] == 5.0
    assert capped(frame, set(frame.keys), 1) is frame
    assert capped(frame, set(), 99) is frame


def test_records_of_a_pane_that_is_over_are_accounted_as_late() -> None:
    late = accounts(late_accounts("model-outputs", model_blob(["a", "a", "a"])))
    assert {partition: +count for partition, count in late.items()} == {0: Counter(late=2), 1: Counter(late=1)}


def test_a_name_gives_its_subject() -> None:
    assert MODEL.subject("a") == "service/a"
    assert TELEMETRY.subject(SEPARATOR.join(("node/n1", "cpu", "gauge", ""))) == "node/n1"
