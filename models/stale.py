"""A pane that comes when all its windows have ended: its records are late, and accounted for as such.

The reader decides what is late by the watermark of its own source task. That is not part of saved state: after a
restart the first record of a partition meets none. And where all partitions of a task were idle, the others have moved
event time on without it. A late record that passes the reader so is caught here. What it cannot get any more is a dead
letter: its bytes are gone.
"""

from collections import Counter

from models.columns import unpack
from models.packets import Account, Packet


def late_accounts(topic: str, blob: bytes) -> list[Packet]:
    """Answer the accounts of a blob whose records are all late, one for each partition."""
    counts = Counter(unpack(blob)["partition"].tolist())
    return [Account(topic=topic, partition=part, late=count).packet() for part, count in sorted(counts.items())]
