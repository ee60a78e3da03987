"""`make bench`: how fast we are beside Flink itself and beside what a Python team would pick, in one command.

Writes bench/results/throughput.json; a part that is not asked for keeps its last figures. docs/performance.md says what
is measured and how; nothing of it is a test, for it depends on the machine.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.speed_ablation import ablate
from bench.speed_data import Kind, Load, messages
from bench.speed_env import ROOT, make_peers
from bench.speed_growth import POINTS, grow
from bench.speed_learn import learned
from bench.speed_paced import SECONDS, measure_live
from bench.speed_rounds import FULL, QUICK, WIDE, Race, Sizes, measure
from bench.speed_site import Site, site
from bench.speed_slope import ratio, summary
from bench.speed_table import fill, print_all
from bench.speed_variants import Variant, variants
from bench.speed_verify import verify
from crosstide.cluster.errors import ClusterError
from jobs.java import NoJavaError

SERVICES, MANY, RATE = 50, 5_000, 1_000
#: A service of many sends as often as one of few: 2 messages a second against 20.
MANY_RATE = 10_000
Result = dict[str, Any]
say = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; answers the exit code: 0, or 1 where something could not run."""
    asked = _parser().parse_args(arguments)
    file, page = asked.results / "throughput.json", ROOT / "docs" / "performance.md"
    results = json.loads(file.read_text()) if file.is_file() else {}
    if asked.markdown:
        fill(page, results)
        return 0
    try:
        peers = make_peers(asked.run_dir / "peers")
        with site(asked.run_dir, peers) as here:
            for name in asked.only or (QUICK_PARTS if asked.quick else PARTS):
                results |= PARTS[name](here, asked)
                results["about"] = _about(asked)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(_rounded(results), indent=2) + "\n")
    except (ClusterError, NoJavaError, RuntimeError, OSError, ValueError) as error:
        say.print(f"error: {error}", style="red", highlight=False)
        return 1
    print_all(results, Console() if sys.stdout.isatty() else Console(width=160))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(PARTS), help="one part; repeatable")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of model-outputs (default: %(default)s)")
    parser.add_argument("--variants", default="abcdefg", help="letters of the variants to race (default: %(default)s)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small sizes, one round, and without --only the first two parts: shows that it runs",
    )
    parser.add_argument("--run-dir", type=_folder, default=ROOT / "run" / "bench", help="messages, environments, logs")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results", help="folder of throughput.json")
    parser.add_argument("--markdown", action="store_true", help="only write the tables of docs/performance.md")
    return parser


def _folder(text: str) -> Path:
    """Read a folder; absolute, for processes start elsewhere."""
    return Path(text).resolve()


def _artifacts(asked: argparse.Namespace) -> Path:
    return learned(asked.run_dir / "learned", SERVICES, RATE)


def _sizes(asked: argparse.Namespace, full: Sizes) -> Sizes:
    return QUICK if asked.quick else full


def _verified(here: Site, asked: argparse.Namespace) -> Result:
    return {"same_work": verify(here, _artifacts(asked), _chosen(asked, "model-outputs"))}


def _chosen(asked: argparse.Namespace, kind: Kind) -> list[Variant]:
    return [one for one in variants(_artifacts(asked), kind) if one.letter in asked.variants]


def _answers(here: Site, asked: argparse.Namespace) -> Result:
    race = Race("model-outputs", SERVICES, RATE, _sizes(asked, FULL), 1 if asked.quick else asked.rounds)
    found = measure(here, _chosen(asked, "model-outputs"), race, say)
    return summary(found.speeds, found.failed)


def _many(here: Site, asked: argparse.Namespace) -> Result:
    """5,000 services, and (c) at 50 beside it: the machine may be slower now."""
    race = Race("model-outputs", MANY, MANY_RATE, _sizes(asked, WIDE), 1)
    runs = _chosen(asked, "model-outputs")
    wide = measure(here, runs, race, say)
    beside = replace(race, services=SERVICES, rate=RATE)
    few = measure(here, [one for one in runs if one.letter == "c"], beside, say)
    told: Result = {"services_5000": summary(wide.speeds, wide.failed), "ratio_5000_to_50_services": None}
    if wide.speeds.get("c") and few.speeds.get("c"):
        told["ratio_5000_to_50_services"] = ratio(wide.speeds["c"], few.speeds["c"])
    return told


def _telemetry(here: Site, asked: argparse.Namespace) -> Result:
    race = Race("telemetry", SERVICES, RATE, _sizes(asked, WIDE), 1)
    found = measure(here, _chosen(asked, "telemetry"), race, say)
    return {"telemetry": summary(found.speeds, found.failed)}


def _live(here: Site, asked: argparse.Namespace) -> Result:
    return measure_live(here, asked.run_dir, QUICK_SECONDS if asked.quick else SECONDS, say)


def _ablation(here: Site, asked: argparse.Namespace) -> Result:
    load = Load("model-outputs", SERVICES, RATE, _sizes(asked, WIDE)["fast"][0])
    return {"ablation": ablate(here, _artifacts(asked), load, say)}


def _growth(here: Site, asked: argparse.Namespace) -> Result:
    return {"growth": grow(here, _artifacts(asked), POINTS[:3] if asked.quick else POINTS, say)}


PARTS: dict[str, Callable[[Site, argparse.Namespace], Result]] = {
    "same-work": _verified, "model-outputs": _answers, "services": _many, "telemetry": _telemetry,
    "live": _live, "ablation": _ablation, "growth": _growth,
}  # fmt: skip
QUICK_PARTS, QUICK_SECONDS = ("same-work", "model-outputs"), 40


def _about(asked: argparse.Namespace) -> Result:
    load = Load("model-outputs", SERVICES, RATE, 10_000)
    sizes = [len(value) for _, _, value in messages(load, 0)]
    return {
        "machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version(),
        "mean_message_bytes": sum(sizes) / len(sizes), "event_rate": RATE, "rounds": asked.rounds, "quick": asked.quick,
    }  # fmt: skip


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    sys.exit(main())
