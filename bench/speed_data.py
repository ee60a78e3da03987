"""The bench's messages: number in, bytes out, the same wherever they are made. Standard library only: peers read it.

Two loads: answers of models with features, and telemetry. Event time runs at `rate` messages a second, services take
turns, and all messages of a service are in one partition.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any, Literal

Kind = Literal["model-outputs", "telemetry"]
#: (key, event time in epoch ms, value)
Message = tuple[bytes, int, bytes]
#: Event time of message 0: 2026-01-05T00:00:00Z.
START_MS = 1_767_571_200_000
PARTITIONS = 2
HEARTBEAT, HEARTBEAT_KEY = b'{"heartbeat":true}', b"~"
#: How far behind the last message the heartbeats stand: every window ends.
CLOSING_MS = 120_000
#: Ready-made ends of messages, by a hash of the number; a power of two.
TAILS = 4096
_KNUTH = 2_654_435_761
_STRIDE = 7919
_ANSWER = b'{"service":"%b","model":"fraud","version":"3","timestamp":"%b.%03dZ","request_id":"r-%012d",%b}'
_SAMPLE = b'{"timestamp":"%b.%03dZ","service":"%b","metric":"%b","value":%b,"kind":"%b"}'
METRICS = (
    (b"service.cpu.utilization", b"gauge"), (b"service.memory.rss_bytes", b"gauge"), (b"service.threads", b"gauge"),
    (b"queue.length", b"gauge"), (b"requests", b"counter"), (b"retries", b"delta"),
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """Between two event times (ms) the answers of the service of this number are six times as slow, half are errors."""

    service: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Load:
    """What a topic holds: `count` messages of `services` (an even number), `rate` a second; 1 in `bad_every` broken."""

    kind: Kind
    services: int
    rate: int
    count: int
    bad_every: int = 0
    start_ms: int = START_MS
    faults: tuple[Fault, ...] = ()
    #: stands before the names of topics instead of what tells loads apart: several loads of one run
    name: str = ""

    @property
    def prefix(self) -> str:
        """Stand before the names of all topics of a run on this load."""
        return f"bench-{self.name or f'{self.services}x{self.rate}-{self.count}-{self.bad_every}'}-"

    @property
    def topic(self) -> str:
        """Name the topic."""
        return self.prefix + self.kind

    @property
    def end_ms(self) -> int:
        """Return the event time behind the last message."""
        return self.start_ms + self.count * 1000 // self.rate

    def as_dict(self) -> dict[str, Any]:
        """Answer plain values, for a command line; `load_of` reads them."""
        return asdict(self)


def load_of(values: dict[str, Any]) -> Load:
    """Read what `as_dict` wrote."""
    return Load(**{**values, "faults": tuple(Fault(**fault) for fault in values["faults"])})


def messages(load: Load, partition: int) -> Iterator[Message]:
    """Yield the messages of one partition in order of event time, without the heartbeat."""
    make = _answers(load) if load.kind == "model-outputs" else _samples(load)
    for number in range(partition, load.count, PARTITIONS):
        at = load.start_ms + number * 1000 // load.rate
        key, value = make(number, number * _STRIDE % load.services, at)
        if load.bad_every and number // PARTITIONS % load.bad_every == 0:
            value = value[:-12]
        yield key, at, value


def heartbeat(load: Load) -> Message:
    """Answer the message that ends every window; one goes to each partition."""
    return HEARTBEAT_KEY, load.end_ms + CLOSING_MS, HEARTBEAT


def _answers(load: Load) -> Callable[[int, int, int], tuple[bytes, bytes]]:
    calm, strange = _tails(Random(1), 1.0, 0.01), _tails(Random(2), 6.0, 0.5)
    names = _names(load.services)
    faults = {fault.service: fault for fault in load.faults}

    def make(number: int, service: int, at: int) -> tuple[bytes, bytes]:
        fault = faults.get(service) if faults else None
        tails = strange if fault is not None and fault.from_ms <= at < fault.to_ms else calm
        tail = tails[(number * _KNUTH >> 12) % TAILS]
        return names[service], _ANSWER % (names[service], _second(at // 1000), at % 1000, number, tail)

    return make


def _samples(load: Load) -> Callable[[int, int, int], tuple[bytes, bytes]]:
    dice, names = Random(3), _names(load.services)
    levels = [b"%.4f" % dice.betavariate(8, 8) for _ in range(TAILS)]
    few = [b"%d" % dice.choice((0, 0, 0, 1, 2)) for _ in range(TAILS)]

    def make(number: int, service: int, at: int) -> tuple[bytes, bytes]:
        metric, kind = METRICS[number // load.services % len(METRICS)]
        at_hash = (number * _KNUTH >> 12) % TAILS
        value = b"%d" % number if kind == b"counter" else few[at_hash] if kind == b"delta" else levels[at_hash]
        return names[service], _SAMPLE % (_second(at // 1000), at % 1000, names[service], metric, value, kind)

    return make


def _tails(dice: Random, slower: float, failing: float) -> list[bytes]:
    """Render the part of an answer that does not hang on its number, service and time."""
    tails = []
    for _ in range(TAILS):
        label = b"fraud" if dice.random() < 0.1 else b"legit"
        error = b'"timeout"' if dice.random() < failing else b"false"
        latency, confidence = slower * dice.lognormvariate(3.0, 0.4), dice.betavariate(20, 2)
        age, amount, country = dice.randint(18, 90), dice.lognormvariate(4.0, 1.0), dice.choice((b"DE", b"FR", b"PL"))
        tokens = b"null" if dice.random() < 0.02 else b"%d" % dice.randint(20, 900)
        head = b'"prediction":"%b","confidence":%.4f,"latency_ms":%.3f,"error":%b' % (label, confidence, latency, error)
        features = b'"features":{"age":%d,"amount":%.2f,"tokens":%b,"country":"%b"}' % (age, amount, tokens, country)
        tails.append(b"%b,%b" % (head, features))
    return tails


def _names(services: int) -> list[bytes]:
    return [b"svc-%05d" % number for number in range(services)]


@lru_cache(maxsize=4)
def _second(epoch_s: int) -> bytes:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
