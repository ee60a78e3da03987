"""The test that says when requests first suffered, on tables whose truth is known by hand."""

import pytest

from crosstide.lab.effect import Effect, Span, first_effect, telemetry_effect
from crosstide.lab.effect_measures import Request

START, END = 1_000_000, 1_040_000  # a fault of 40 s
FROM = START - 60_000
SPAN = Span(START, END, FROM, START, END)
#: followed for 30 s more
LONGER = SPAN._replace(until=END + 30_000)


def effect_of(span: Span = SPAN, **services: list[Request]) -> Effect | None:
    return first_effect(services, span, set(services))


def steady(latency: float = 10.0, confidence: float = 0.9, until: int = END) -> list[Request]:
    """Ten requests a second; latency takes the values -1, 0, +1 around its middle in turn."""
    return [
        Request(at, latency + (at // 100) % 3 - 1, confidence + 0.01 * ((at // 100) % 3 - 1), False)
        for at in range(FROM, until, 100)
    ]


def changed(since: int, until: int = END, **what: object) -> list[Request]:
    return [r._replace(**what) if since <= r.at_ms < until else r for r in steady()]  # type: ignore[arg-type]


def test_steady_requests_suffer_from_nothing() -> None:
    assert effect_of(checkout=steady()) is None


def test_slower_requests_are_dated_to_the_bin_in_which_they_slowed_down() -> None:
    effect = effect_of(checkout=changed(START + 10_000, latency_ms=30.0))
    assert effect is not None
    assert (effect.at_ms, effect.service, effect.measure) == (START + 10_000, "checkout", "latency_ms.p50")
    assert (effect.before, effect.during) == (10.0, 30.0)


def test_a_single_bad_bin_is_chance() -> None:
    rows = changed(START + 10_000, START + 15_000, latency_ms=30.0)
    assert effect_of(checkout=rows) is None


def test_a_change_below_the_floor_is_not_suffering_however_steady_it_was_before() -> None:
    assert effect_of(checkout=changed(START, latency_ms=12.4)) is None
    assert effect_of(checkout=changed(START, latency_ms=12.6)) is not None


def test_faster_and_more_confident_is_no_suffering() -> None:
    rows = changed(START, latency_ms=2.0, confidence=1.0)
    assert effect_of(checkout=rows) is None


def test_lost_confidence_is_named_with_its_values() -> None:
    effect = effect_of(fraud=changed(START + 5_000, confidence=0.6))
    assert effect is not None
    assert (effect.at_ms, effect.measure) == (START + 5_000, "confidence.mean")
    assert effect.before == pytest.approx(0.9, abs=1e-3)
    assert effect.during == pytest.approx(0.6)


def test_errors_without_answers_are_found() -> None:
    rows = changed(START, latency_ms=None, confidence=None, failed=True)
    effect = effect_of(fraud=rows)
    assert effect is not None
    assert (effect.at_ms, effect.measure, effect.before, effect.during) == (START, "error_rate", 0.0, 1.0)


def test_the_service_that_suffered_first_is_named() -> None:
    services = {
        "checkout": changed(START + 15_000, latency_ms=90.0),
        "fraud": changed(START + 5_000, latency_ms=30.0),
    }
    effect = first_effect(services, SPAN, set(services))
    assert effect is not None
    assert (effect.service, effect.at_ms) == ("fraud", START + 5_000)


def test_too_little_quiet_before_a_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="only 2 bins of quiet"):
        effect_of(SPAN._replace(quiet_from=START - 10_001), fraud=steady())


def test_a_service_beyond_reach_is_not_asked() -> None:
    services = {"checkout": changed(START, latency_ms=90.0), "fraud": steady()}
    assert first_effect(services, SPAN, {"fraud"}) is None
    assert first_effect(services, SPAN, {"fraud", "checkout"}) is not None


def labelled(right: float, since: int = START, every: int = 1) -> list[Request]:
    """Of every so many requests one has a label; nine of ten are right until `since`, then the share `right`."""
    rows = []
    for number, row in enumerate(steady()):
        share = right if row.at_ms >= since else 0.9
        known = number % every == 0
        rows.append(row._replace(right=(number // every) % 10 < 10 * share if known else None))
    return rows


def test_answers_that_become_wrong_are_suffering_though_the_model_is_as_sure_as_before() -> None:
    effect = effect_of(fraud=labelled(0.5, START + 10_000))
    assert effect is not None
    assert (effect.at_ms, effect.measure) == (START + 10_000, "accuracy")
    assert effect.before == pytest.approx(0.9)
    assert effect.during == pytest.approx(0.5)


def test_accuracy_within_its_floor_or_of_few_labels_is_not_suffering() -> None:
    assert effect_of(fraud=labelled(0.8)) is None
    assert effect_of(fraud=labelled(0.0, every=6)) is None  # 8 or 9 labels a bin


def test_numbers_further_from_the_truth_are_suffering() -> None:
    near, far = ([r._replace(off=off) for r in steady()] for off in (4.0, 6.1))
    rows = [b if b.at_ms >= START + 5_000 else a for a, b in zip(near, far, strict=True)]
    effect = effect_of(price=rows)
    assert effect is not None
    assert (effect.at_ms, effect.measure, effect.before) == (START + 5_000, "absolute_error.mean", 4.0)


def test_traffic_that_is_lost_without_a_record_is_suffering() -> None:
    kept = [r for r in steady() if r.at_ms < START + 10_000 or r.at_ms % 500 == 0]
    effect = effect_of(fraud=kept)
    assert effect is not None
    assert (effect.at_ms, effect.measure, effect.before, effect.during) == (START + 10_000, "rate", 10.0, 2.0)


def test_traffic_to_more_than_half_or_of_hardly_any_requests_is_not_suffering() -> None:
    assert effect_of(fraud=[r for r in steady() if r.at_ms < START or r.at_ms % 500 < 300]) is None
    assert effect_of(fraud=[r for r in steady() if r.at_ms % 300 == 0 and r.at_ms < START]) is None  # 3.3 a second


def test_recovery_is_the_end_of_the_last_two_suffering_bins_also_after_the_fault() -> None:
    rows = [
        r._replace(latency_ms=30.0) if START + 10_000 <= r.at_ms < END + 15_000 else r
        for r in steady(until=END + 30_000)
    ]
    effect = effect_of(LONGER, fraud=rows)
    assert effect is not None and effect.recovered_ms == END + 15_000


def test_what_suffers_only_after_the_fault_is_not_its_effect() -> None:
    rows = [r._replace(latency_ms=30.0) if r.at_ms >= END else r for r in steady(until=END + 30_000)]
    assert effect_of(LONGER, fraud=rows) is None


def test_the_second_of_two_faults_at_once_is_compared_with_the_quiet_before_the_first() -> None:
    first = START - 7_000
    rows = [r._replace(latency_ms=30.0) if r.at_ms >= first else r for r in steady()]
    effect = effect_of(SPAN._replace(quiet_to=first), fraud=rows)
    assert effect is not None
    assert (effect.at_ms, effect.before) == (START, 10.0)


def test_silence_begins_with_the_last_reading_and_ends_with_the_next() -> None:
    times = [at for at in range(FROM, END + 30_000, 1_000) if not START + 2_000 < at < END + 1_000]
    effect = telemetry_effect("node/n1", times, LONGER)
    assert effect == Effect(START + 2_000, "node/n1", "telemetry.rate", 1.0, 0.0, END + 1_000)


def test_a_reading_or_two_that_are_missing_are_no_silence() -> None:
    times = [at for at in range(FROM, END, 1_000) if at != START + 5_000]
    assert telemetry_effect("node/n1", times, SPAN) is None


def test_an_entity_that_never_spoke_cannot_fall_silent() -> None:
    assert telemetry_effect("node/n1", [], SPAN) is None
