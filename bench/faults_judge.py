"""Compares what a job wrote under faults with what the same input gives without: equal, lost, or repeated."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["equal", "lost", "repeated"]
Event = dict[str, Any]
#: Fields that may differ between two runs over the same input: processing time. Said in docs/reliability.md.
UNEQUAL = ("recordedtime",)
TERMS = ("scored", "late", "duplicate", "dead_lettered", "dropped_by_policy")


@dataclass(frozen=True)
class Finding:
    """The outcome, and what it is about. An incident that nobody expected counts as repeated, a changed one as lost."""

    outcome: Outcome
    missing: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)

    @property
    def detail(self) -> str:
        """Return it in words, empty for equal."""
        named = [("missing", self.missing), ("repeated", self.repeated), ("unexpected", self.unexpected),
                 ("changed", self.changed), ("accounts", self.accounts)]  # fmt: skip
        return "; ".join(f"{len(found)} {name}: {', '.join(found[:3])}" for name, found in named if found)


def judge(expected: Sequence[Event], found: Sequence[Event], without: Iterable[str] = ()) -> Finding:
    """Compare revisions by incident and number, then by content; `without`: what may differ, as `data.provenance`."""
    wanted = {_key(event): _content(event, without) for event in expected}
    times = Counter(_key(event) for event in found)
    contents = {_key(event): _content(event, without) for event in found}
    missing = sorted(set(wanted) - set(times))
    repeated = sorted(key for key, count in times.items() if count > 1)
    unexpected = sorted(set(times) - set(wanted))
    changed = sorted(key for key in set(wanted) & set(times) if contents[key] != wanted[key])
    outcome: Outcome = "lost" if missing or changed else "repeated" if repeated or unexpected else "equal"
    return Finding(outcome, missing, repeated, unexpected, changed)


def judge_accounts(
    fed: Mapping[tuple[str, int], int], accounts: Mapping[tuple[str, int], Mapping[str, int]]
) -> list[str]:
    """Return what is wrong with the accounts: each record of each partition in exactly one place."""
    wrong = []
    for (topic, partition), count in sorted(fed.items()):
        account = accounts.get((topic, partition))
        if account is None:
            wrong.append(f"{topic}/{partition} has no account of {count} records")
            continue
        if account["consumed"] != count:
            wrong.append(f"{topic}/{partition} consumed {account['consumed']} of {count}")
        if account["consumed"] != (total := sum(account[term] for term in TERMS)):
            wrong.append(f"{topic}/{partition} consumed {account['consumed']}, accounts for {total}")
    return wrong


def about(events: Iterable[Event], foreign: Sequence[str]) -> list[Event]:
    """Return the events of services whose names begin with none of `foreign`: those that a fault brought along."""
    brought = tuple(foreign)
    return [event for event in events if not event["data"]["entity"]["service.name"].startswith(brought)]


def _key(event: Event) -> str:
    return f"{event['subject']}/{event['sequence']}"


def _content(event: Event, without: Iterable[str]) -> str:
    kept = json.loads(json.dumps({name: value for name, value in event.items() if name not in UNEQUAL}))
    for path in without:
        here = kept
        *above, last = path.split(".")
        for name in above:
            here = here.get(name, {})
        here.pop(last, None)
    return json.dumps(kept, sort_keys=True)
