"""`python -m bench.faults`: play every fault anew, print the table, write bench/results/faults.json.

Exit code 1 when a fault showed. `--only TEXT` plays those whose name holds it; `--seed` repeats a run by its seed. The
whole takes an hour and a half; `--quick` half an hour. The file and docs/reliability.md keep the newest run of each.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.faults_kept import keep
from bench.faults_list import FAULTS, Fault, quickly
from bench.faults_play import Oracle, Played, play
from bench.faults_table import fill, table
from bench.faults_world import World

RESULTS = Path(__file__).parent / "results" / "faults.json"
PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"


def run(faults: Sequence[Fault], seed: int, run_dir: Path, console: Console) -> list[Played]:
    """Play the faults, one after the other, in one world."""
    world = World(run_dir)
    console.print(f"seed {seed}; Kafka {world.bootstrap}, Flink {world.state.flink.url}")
    played = []
    try:
        # ten minutes ago: event time runs behind the clock, and never into the future
        oracle = Oracle(world, int(time.time() * 1000) // 60_000 * 60_000 - 600_000)
        for number, fault in enumerate(faults, 1):
            began = time.monotonic()
            done = play(world, oracle, fault, number, seed + number)
            played.append(done)
            took_s = time.monotonic() - began
            mark = "[green]ok[/green]" if done.ok else f"[red]{done.outcome}[/red]"
            console.print(f"{number:2}/{len(faults)} {fault.name}: {mark} in {took_s:.0f} s {done.detail}")
    finally:
        world.close()
        (run_dir / "watcher.log").write_text("\n".join(world.said) + "\n")
    return played


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--only", action="append", metavar="TEXT", help="faults whose name holds it; may be repeated")
    parser.add_argument("--quick", action="store_true", help="some of them, each striking once: half an hour")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeats a run")
    parser.add_argument("--run-dir", type=Path, help="folder for logs and checkpoints; default: a temporary one")
    asked = parser.parse_args()
    wanted: list[str] = asked.only or [""]
    faults = quickly(FAULTS) if asked.quick else FAULTS
    chosen = [fault for fault in faults if any(text in fault.name for text in wanted)]
    console = Console(width=180, highlight=False)
    run_dir = asked.run_dir or Path(tempfile.mkdtemp(prefix="crosstide-faults-"))
    played = run(chosen, asked.seed, run_dir, console)
    console.print(table(played))
    fill(PAGE, "faults", keep(RESULTS, played))
    bad = [one for one in played if not one.ok and one.outcome != "skipped"]
    if bad:
        console.print(f"{len(bad)} faults showed; logs are in {run_dir}; again with --seed {asked.seed}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
