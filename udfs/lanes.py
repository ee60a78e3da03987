"""Lanes: packets that only one operator is for leave by side outputs, with their key in front of them.

The others leave the job. So no packet passes through Python only to be looked at, and Flink keys a lane in Java.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import OutputTag

from models.correlate_live import bucket_of
from udfs.packets import PACKET

KEYED = Types.ROW([Types.STRING(), PACKET])
ACCOUNTS = OutputTag("accounts", KEYED)
EVIDENCE = OutputTag("evidence", KEYED)
LETTERS = OutputTag("letters", KEYED)
#: In every dead letter of this reason, and in no other: inside a text its quotes would be escaped.
_AHEAD = b'"reason":"timestamp_ahead"'
_LANE_OF = {"account": ACCOUNTS, "evidence": EVIDENCE, "change-note": EVIDENCE}


def in_lanes(rows: Iterable[Row]) -> Iterator[Any]:
    """Answer each packet as it is, or (lane, (key, packet)). A dead letter leaves the job, and its head is counted.

    The time of one from the future is not to be believed: its head has the time 0.
    """
    for row in rows:
        lane = _LANE_OF.get(row[0])
        if lane is EVIDENCE:
            yield lane, Row(bucket_of(row[1]), row)
        elif lane is not None:
            yield lane, Row(row[1], row)
        else:
            yield row
            if row[0] == "dead-letters":
                topic = row[1].rpartition("/")[0]
                at_ms = 0 if _AHEAD in row[3] else row[2]
                yield LETTERS, Row(topic, Row(row[0], topic, at_ms, b""))
