"""`make bench-lab`: the lab's recordings judged by the pipeline and by two rivals, written to bench/results/lab.json.

Artifacts are learned from the reference alone, and every recording is judged with the shipped configuration.
docs/quality.md says how a fault, an incident and a cause are counted.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.lab_counts import figures, part
from bench.lab_files import folders, read, update
from bench.lab_fresh import RecordingFailedError, record_faulty, record_reference
from bench.lab_pages import ABLATED, fill, print_ablation, print_part
from bench.lab_run import Learned, Outcome, Task, judge_all, kinds_of, learn, pooled
from crosstide.score_input import ScoreInputError
from jobs.settings import load_pipeline
from models.detectors.registry import kinds

ROOT = Path(__file__).resolve().parent.parent
Result = dict[str, Any]
#: Part of the result -> its tasks.
Work = dict[str, list[Task]]
errors = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; answers the exit code: 0, 1 where recording failed, 2 for an input that is not there."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.markdown:
            fill(asked.page, read(asked.results / "lab.json"), read(asked.results / "ablation.json"))
            return 0
        with tempfile.TemporaryDirectory(prefix="crosstide-bench-") as name:
            _bench(asked, Path(name), _console())
    except RecordingFailedError as error:
        errors.print(f"error: {error}", style="red", highlight=False)
        return 1
    except (ScoreInputError, OSError, ValueError) as error:
        errors.print(f"error: {error}", style="red", highlight=False)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.lab", description=(__doc__ or "").splitlines()[0])
    say, shipped = parser.add_argument, ROOT / "crosstide" / "recordings"
    say("--recordings", type=Path, default=shipped, help="folder of reference, tuning-*, judge")
    say("--results", type=Path, default=ROOT / "bench" / "results", help="folder of lab.json and ablation.json")
    say("--only", choices=("tuning", "judge"), help="judge one part, and keep the others of lab.json")
    say("--fresh", type=int, metavar="SEED", help="record faults drawn by the seed, judge them too")
    say("--minutes", type=int, default=20, help="length of the fresh recording; 35 hold all kinds")
    say("--fresh-reference", action="store_true", help="record a reference too: on a machine unlike the recordings'")
    say("--ablate", action="store_true", help="do without each kind of detector in turn, and with each that is off")
    say("--markdown", action="store_true", help="only write the tables of docs/quality.md from the results")
    say("--page", type=Path, default=ROOT / "docs" / "quality.md", help="the page that --markdown fills")
    say("--processes", type=int, choices=(1, 2), default=2, help="recordings judged at once")
    return parser


def _console() -> Console:
    console = Console()
    # a file has no width of its own, and 80 columns break every cell
    return console if console.is_terminal else Console(width=180)


def _bench(asked: argparse.Namespace, work: Path, console: Console) -> None:
    found = folders(asked.recordings, asked.only)
    # recorded before anything is computed: the machine has to be idle
    fresh = None if asked.fresh is None else record_faulty(work / "fresh", asked.fresh, asked.minutes)
    own = record_reference(work / "fresh-reference", asked.fresh) if fresh and asked.fresh_reference else None
    errors.print("learning from the reference", style="dim")
    learned = learn(asked.recordings / "reference", work / "artifacts")
    tasks: Work = {name: [Task(folder, learned) for folder in each] for name, each in found.items()}
    if fresh is not None:
        tasks["fresh"] = [Task(fresh, learned if own is None else learn(own, work / "fresh-artifacts"))]
    outcomes = _judged(tasks, asked.processes, "")
    results = {name: _result(each, outcomes[name]) for name, each in tasks.items()}
    if fresh is not None:
        results["fresh"]["about"] |= {"seed": asked.fresh, "minutes": asked.minutes, "own_reference": own is not None}
    for name, result in results.items():
        print_part(name, result, console)
    update(asked.results / "lab.json", results)
    if asked.ablate:
        variants = _ablated(found, learned, results, asked.processes)
        for name, ablated in variants.items():
            print_ablation(name, ablated, console)
        update(asked.results / "ablation.json", variants)


def _judged(work: Work, processes: int, how: str) -> dict[str, Outcome]:
    """Judge all tasks, and pool the outcomes by part."""
    flat = [(name, task) for name, tasks in work.items() for task in tasks]
    outcomes = judge_all(
        [task for _, task in flat],
        lambda task: errors.print(f"{task.folder.name} judged{how}", style="dim", highlight=False),
        processes,
    )
    both = list(zip(flat, outcomes, strict=True))
    return {name: pooled(outcome for (part_of, _), outcome in both if part_of == name) for name in work}


def _result(tasks: Sequence[Task], whole: Outcome) -> Result:
    learned = tasks[0].learned
    about = {"recordings": [task.folder.name for task in tasks], "artifacts": learned.id}
    return part(whole.ours, whole.rivals, about | {"config_sha256": learned.config_sha256})


def _ablated(
    found: dict[str, list[Path]], learned: Learned, results: dict[str, Result], processes: int
) -> dict[str, dict[str, Result]]:
    variants = {name: {"everything": _brief(results[name])} for name in found}
    listed = kinds_of(load_pipeline())
    for kind in [*listed, *(other for other in kinds() if other not in listed)]:
        how, leave, put = ("without", kind, None) if kind in listed else ("with", None, kind)
        tasks = {n: [Task(folder, learned, leave, put) for folder in each] for n, each in found.items()}
        for name, outcome in _judged(tasks, processes, f" {how} {kind}").items():
            variants[name][f"{how} {kind}"] = _brief(figures(outcome.ours))
    return variants


def _brief(result: Result) -> Result:
    return {key: result[key] for key in (*ABLATED, "intervals")}


if __name__ == "__main__":
    sys.exit(main())
