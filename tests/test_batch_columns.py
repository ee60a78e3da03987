"""Columns made once a batch are those that records made one by one: times, names, classes, features, and refusals."""

from typing import Any, get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Parts
from models.cells import lowest_per_row, per_partition, sum_cells, tally
from models.columns import narrow, unpack
from models.feature_cells import cells_of
from models.histogram import count_cells
from models.intake import RECORD_TYPES, Accepted, Intake, Rejected
from models.iso_times import epoch_ms
from models.loads import KEY_LETTERS, loads_of, read_load
from models.model_columns import columns_of, identities
from models.packets import Packet
from models.records import NAME_PATTERN, NAMED, Change, Label, ModelOutput, Telemetry
from models.times import to_iso, to_milliseconds
from tests.core_cases import T0, output, sample

LIMIT = 262_144
ODD = ["2026-13-05T00:00:00.000Z", "0000-01-05T00:00:00.000Z", "2026-02-30T00:00:00.000Z", "2026-01-05 00:00:00.000Z",
       "2026-01-05T24:00:00.000Z", " 026-01-05T00:00:00.000Z", "2026-01-05T00:00:00.000+", "x"]  # fmt: skip
GOOD = [
    output(),
    output(model="m", features={"a": 1}),
    output(service="ü"),
    b'{"service":"a b","timestamp":1,"request_id":"r"}',
]
BAD = [None, b"", b"{}", b"null", b"\xff", b"[" * 50_000, output(service=""), output(latency_ms="x"), sample(),
       output(confidence=float("nan")), b"x" * 300_000]  # fmt: skip
ESCAPES = ["\\n", "\\t", "\\b", "\\f", "\\r", "\\u0000", "\\u001F", "\\u0009"]
FEATURES = st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.floats(-1e200, 1e200), st.just("red")))
CELLS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2**20)), max_size=60)


@given(st.lists(st.integers(0, 4_102_444_800_000), max_size=20))
def test_times_of_one_form_are_read_at_once_as_one_by_one(times: list[int]) -> None:
    for stamps in (times, [to_iso(at) for at in times]):
        told = epoch_ms(stamps)
        assert told is not None
        assert told.tolist() == times


@pytest.mark.parametrize("odd", ODD)
def test_times_of_any_other_form_are_left_to_the_slow_way(odd: str) -> None:
    assert epoch_ms([to_iso(T0), odd]) is None


def test_text_that_could_be_cut_elsewhere_is_not_cut_there() -> None:
    assert epoch_ms([to_iso(T0)[:-1], "Z" + to_iso(T0)]) is None
    assert epoch_ms([T0, to_iso(T0)]) is None


def test_a_time_before_1970_is_read_to_the_millisecond() -> None:
    told = epoch_ms(["1969-12-31T23:59:59.999Z"])
    assert told is not None
    assert told.tolist() == [to_milliseconds("1969-12-31T23:59:59.999Z")]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from([*GOOD, *BAD]), max_size=30))
def test_many_are_decoded_as_each_alone(values: list[bytes | None]) -> None:
    intake = Intake("model-outputs", LIMIT)
    found = intake.decode_all(values)
    alone = [intake.read(value) for value in values]
    assert found[0] == [one.record for one in alone if isinstance(one, Accepted)]
    assert found[1] == {place: one for place, one in enumerate(alone) if isinstance(one, Rejected)}


@pytest.mark.parametrize("escape", ["\\\\n", "\\u00fc", '\\"', "\\/", "\\\\u0001"])
def test_an_escape_of_anything_else_in_a_name_is_no_fault(escape: str) -> None:
    value = output(service="?").replace(b"?", escape.encode())
    records, refused = Intake("model-outputs", LIMIT).decode_all([value, output()])
    assert (len(records), refused) == (2, {})


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_name_with_a_control_character_is_refused_however_it_is_written(escape: str) -> None:
    intake = Intake("model-outputs", LIMIT)
    for field in ("service", "request_id"):
        value = output(**{field: "?"}).replace(b"?", escape.encode())
        told = intake.read(value)
        assert isinstance(told, Rejected)
        assert (told.reason, f"$.{field}" in told.detail) == ("mistyped", True)
        assert intake.decode_all([output(), b"", value, output()])[1] == {1: intake.read(b""), 2: told}


def test_a_raw_control_character_is_no_json() -> None:
    value = output(service="?").replace(b"?", b"\x01")
    told = Intake("model-outputs", LIMIT).read(value)
    assert isinstance(told, Rejected)
    assert told.reason == "malformed"


@pytest.mark.parametrize("kind", [ModelOutput, Telemetry, Label, Change])
def test_every_field_that_is_a_name_is_checked(kind: Any) -> None:
    shown = repr(NAME_PATTERN)[1:-1]
    named = {field for field, hint in get_type_hints(kind, include_extras=True).items() if shown in str(hint)}
    assert named == set(NAMED[kind])
    assert kind in RECORD_TYPES.values()


def test_a_blob_names_nothing_that_it_does_not_hold() -> None:
    records = [
        ModelOutput(service="a", timestamp=0, request_id="1", prediction="x", features={"p": 1.0, "q": None}),
        ModelOutput(service="b", timestamp=0, request_id="2", prediction=True, features={"r": "red"}),
        ModelOutput(service="a", timestamp=0, request_id="3", prediction=0.5),
    ]
    columns = columns_of(records, np.array([T0] * 3), np.zeros(3, np.int64)).at(np.array([2, 0, 1]))
    told = unpack(columns.blob(0, 2))
    assert (told["services"], told["classes"], told["features"]) == (["a"], ["x"], ["p"])
    assert (told["class"].tolist(), told["cells"].tolist(), told["feature_value"].tolist()) == ([-1, 0], [0, 1], [1.0])
    other = unpack(columns.blob(2, 3))
    assert (other["services"], other["classes"], other["features"]) == (["b"], ["True"], ["r"])
    assert np.isnan(other["feature_value"]).all()


@given(st.lists(st.one_of(st.none(), FEATURES), max_size=20), st.randoms(use_true_random=False))
def test_features_are_laid_out_record_by_record_in_any_order(features: list[Any], dice: Any) -> None:
    order = list(range(len(features)))
    dice.shuffle(order)
    cells = cells_of(features).at(np.array(order, np.int64))
    told = [
        (name, value if isinstance(value, float) else float("nan"))
        for place in order
        for name, value in (features[place] or {}).items()
        if value is not None
    ]
    assert cells.counts.tolist() == [sum(v is not None for v in (features[place] or {}).values()) for place in order]
    assert [cells.name.names[code] for code in cells.name.codes.tolist()] == [name for name, _ in told]
    assert np.array_equal(cells.value, np.clip([value for _, value in told], -1e100, 1e100), equal_nan=True)


def test_identities_are_the_same_whatever_stands_beside_and_are_fixed() -> None:
    alone = identities(["r-1"])
    assert identities(["ü" * 200, "r-1"])[1] == alone[0]
    assert alone.dtype == np.uint64
    assert alone.tolist() == [1057707603228399997]
    assert len(set(identities([f"r-{number}" for number in range(10_000)]).tolist())) == 10_000


@given(CELLS, st.lists(st.integers(0, 6), max_size=60))
def test_counts_are_the_same_in_a_table_and_by_sorting(wide: list[tuple[int, int]], rows: list[int]) -> None:
    near = [(row, 7 * place % 11) for place, row in enumerate(rows)]
    for cells in (wide, near):
        table = np.array(cells, np.int64).reshape(-1, 2)
        assert tally(table[:, 0], table[:, 1], 7).tolist() == count_cells(table[:, 0], table[:, 1]).tolist()


@given(CELLS)
def test_sums_by_cell_are_those_of_a_slow_loop(cells: list[tuple[int, int]]) -> None:
    table, values = np.array(cells, np.int64).reshape(-1, 2), np.arange(len(cells)) + 0.5
    for width in (2**20 + 1, 4):
        places = table[:, 1] % width
        slow: dict[tuple[int, int], float] = {}
        for row, place, value in zip(table[:, 0].tolist(), places.tolist(), values.tolist(), strict=True):
            slow[row, place] = slow.get((row, place), 0.0) + value
        found, sums = sum_cells(table[:, 0], places, (values,), (7, width))
        assert [tuple(cell) for cell in found.tolist()] == sorted(slow)
        assert sums[:, 0].tolist() == [slow[cell] for cell in sorted(slow)]


def test_records_are_counted_by_partition_and_the_lowest_ids_of_each_row_are_chosen() -> None:
    assert per_partition(np.array([3, 0, 3], np.int8)) == {0: 1, 3: 2}
    rows, ids = np.array([0, 0, 0, 1]), np.array([5, 2**63, 1, 9], np.uint64)
    assert lowest_per_row(rows, ids, 2, np.ones(4, bool)).tolist() == [2, 0, 3]
    assert lowest_per_row(rows, ids, 2, np.zeros(4, bool)).tolist() == []


@given(st.lists(st.integers(-(2**62), 2**62), max_size=9))
def test_whole_numbers_stay_what_they_are_in_a_narrow_type(numbers: list[int]) -> None:
    assert narrow(np.array(numbers, np.int64)).tolist() == numbers
    assert narrow(np.array([-1, 127])).dtype == np.int8


def test_a_batch_sends_a_load_for_each_pane_and_all_else_with_the_first() -> None:
    panes = [Packet("pane", "3", T0, b"x"), Packet("pane", "12", T0, b"y")]
    letter = Packet("dead-letters", "telemetry/0", T0, b"z")
    first, second = loads_of(Parts(panes, [letter]))
    assert (first[:KEY_LETTERS].strip(), second[:KEY_LETTERS].strip()) == (b"3", b"12")
    assert (read_load(first).others, read_load(second).others) == ([letter], [])
    assert (read_load(second).pane_ms, read_load(second).blob) == (T0, b"y")
    (alone,) = loads_of(Parts([], [letter]))
    assert (read_load(alone).blob, read_load(alone).others) == (None, [letter])
    assert loads_of(Parts([], [])) == []
