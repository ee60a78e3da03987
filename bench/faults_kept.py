"""What is known of every fault: the newest run of each, in the order of the list, over many sessions."""

import json
from collections.abc import Iterable
from pathlib import Path

from bench.faults_list import FAULTS, once
from bench.faults_play import Played


def keep(path: Path, played: Iterable[Played]) -> list[Played]:
    """Write what was played beside what the file knows of the other faults, and answer all of it.

    A fault that was struck five times is not replaced by a quick run that struck once. Raises ValueError for a file
    that is none of ours.
    """
    before = [Played(**row) for row in json.loads(path.read_text())] if path.exists() else []
    known = {one.fault: one for one in [*before, *played]}
    names = [next((name for name in (fault.name, once(fault)) if name in known), None) for fault in FAULTS]
    kept = [known[name] for name in names if name is not None]
    path.write_text(json.dumps([one.plain() for one in kept], indent=2) + "\n")
    return kept
