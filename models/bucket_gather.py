"""Gathers what came for the panes of some buckets, and folds each pane once for all of them."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic

from models.admission import Admitted, admit
from models.bucket_kinds import Kind
from models.bucket_memory import Pane
from models.bucket_union import Piece
from models.hard_faults import Happening
from models.packets import Account, Packet
from models.telemetry_pane import Carry


@dataclass
class Gathered(Generic[Pane]):
    """What some buckets hold together before a window is judged.

    `panes` by their start; `owners`: the bucket of each subject that was heard; by bucket: `brought`, the panes that
    it has a part in, `refused` subjects, for which there was no room, and what `happened`.
    """

    carry: Carry
    owners: dict[str, str] = field(default_factory=dict)
    panes: dict[int, Pane] = field(default_factory=dict)
    brought: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    refused: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    happened: dict[str, list[Happening]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[tuple[int, str]] = field(default_factory=Counter)

    def part(self, kind: Kind[Pane], pane: Pane, key: str) -> Pane:
        """Answer what a pane holds of one bucket."""
        return kind.part(pane, lambda subject: self.owners.get(subject) == key)

    def accounts(self, topic: str) -> list[Packet]:
        """Say by partition where the records went."""
        by_partition: dict[int, dict[str, int]] = defaultdict(dict)
        for (partition, name), count in sorted(self.counts.items()):
            by_partition[partition][name] = count
        return [Account(topic=topic, partition=part, **named).packet() for part, named in by_partition.items()]

    def admitted(self, key: str, pane_ms: int, passed: Admitted) -> None:
        """Note what a bucket brought to a pane, and what of it was refused."""
        self.count("dropped_by_policy", passed.dropped)
        self.refused[key] |= passed.refused
        self.owners.update(dict.fromkeys(passed.subjects, key))
        if passed.blobs:
            self.brought[key].add(pane_ms)

    def count(self, name: str, by_partition: Mapping[int, int]) -> None:
        """Add to one count of each partition."""
        self.counts.update({(partition, name): count for partition, count in by_partition.items()})


def gather(kind: Kind[Pane], pieces: Mapping[str, Piece[Pane]], most: int) -> Gathered[Pane]:
    """Fold the blobs of each pane, in order of time, at most `most` subjects a bucket; account for their records."""
    told = Gathered[Pane](carry={name: last for one in pieces.values() for name, last in one.memory.carry.items()})
    by_pane: dict[int, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    kept: dict[int, list[Pane]] = defaultdict(list)
    for key, piece in pieces.items():
        told.owners.update(dict.fromkeys(piece.memory.usual, key))
        told.happened[key] += piece.memory.happened
        for name in piece.memory.carry:
            told.owners[kind.naming.subject(name)] = key
        for pane_ms, pane in piece.memory.panes:
            told.owners.update(dict.fromkeys(kind.heard(pane), key))
            told.brought[key].add(pane_ms)
            kept[pane_ms].append(pane)
        for pane_ms, blob in piece.blobs:
            by_pane[pane_ms][key].append(blob)
    told.panes = {pane_ms: kind.merge(panes) for pane_ms, panes in kept.items()}
    admitted = {key: set(piece.memory.usual) for key, piece in pieces.items()}
    for pane_ms in sorted(by_pane):
        blobs = []
        for key, mine in by_pane[pane_ms].items():
            passed = admit(mine, admitted[key], most, kind.naming)
            told.admitted(key, pane_ms, passed)
            admitted[key] |= passed.subjects
            blobs += passed.blobs
        if blobs:
            _add(kind, pane_ms, blobs, told)
    return told


def _add(kind: Kind[Pane], pane_ms: int, blobs: list[bytes], told: Gathered[Pane]) -> None:
    """Fold the blobs of one pane."""
    pane, scored, duplicates, told.carry = kind.fold(blobs, told.carry)
    # one stream stood still while the others went on: what it brings is late for some windows, not for all
    told.panes[pane_ms] = kind.merge([told.panes[pane_ms], pane]) if pane_ms in told.panes else pane
    for teller, happening in kind.happenings(pane_ms, pane):
        told.happened[told.owners[teller]].append(happening)
    told.count("scored", scored)
    told.count("duplicate", duplicates)
