"""The services of a bucket, correlated together: nobody's evidence or change reaches another, and little stays."""

import msgspec

from models.correlate_live import BUCKETS, Live, bucket_of
from models.correlate_state import Memory
from models.evidence import Evidence
from tests.correlate_cases import BUSY, T0, change, seen

END = T0 + 10_000


def part(service: str, index: int = 0) -> bytes:
    return msgspec.msgpack.encode(seen(service, f"service/{service}", "self", "model", index, BUSY))


def test_a_service_has_the_same_bucket_everywhere() -> None:
    keys = {bucket_of(f"s{number}") for number in range(1000)}
    assert keys == {str(number) for number in range(BUCKETS)}
    assert bucket_of("checkout") == bucket_of("checkout")


def test_evidence_waits_for_the_end_of_its_window_and_is_told_by_service() -> None:
    live = Live()
    assert [live.wait(END, part("b")), live.wait(END, part("a")), live.wait(END, part("b"))] == [True, False, False]
    assert live.wait(END + 10_000, part("a", 1))
    assert live.ended(END - 2) == []
    assert live.ended(END - 1) == [END]
    taken = live.take(END)
    assert {service: len(evidence) for service, evidence in taken.items()} == {"a": 1, "b": 2}
    assert list(taken) == ["a", "b"]
    assert [msgspec.msgpack.decode(one, type=Evidence).end_ms for one in live.waiting()] == [END + 10_000]


def test_a_change_is_due_once_and_only_for_its_service() -> None:
    live = Live()
    for service, at in (("a", END - 1), ("a", END), ("b", END - 1)):
        live.note(msgspec.msgpack.encode(change(service, at)))
    assert [note.timestamp_ms for note in live.due("a", END)] == [END - 1]
    assert live.due("a", END) == []
    assert live.changes_waiting == 2
    live.forget_changes(END)
    assert [msgspec.msgpack.decode(note)["service"] for note in live.changes_encoded()] == ["a"]


def test_a_service_of_which_nothing_is_expected_leaves_nothing_and_the_rest_is_read_again_as_it_was() -> None:
    live = Live()
    live.remember("a", Memory(present={"model service/a": END}))
    live.remember("b", Memory(present={"model service/b": END}))
    live.remember("b", Memory())
    live.wait(END, part("a"))
    live.note(msgspec.msgpack.encode(change("a", END)))
    again = Live.of(live.encoded(), live.waiting(), live.changes_encoded())
    assert again == live
    assert list(again.memories) == ["a"]
    live.remember("a", Memory())
    assert live.encoded() is None
