"""`crosstide dlq ls | show | replay`: what was refused, why, where; and back with what was repaired, once."""

import getpass
import json
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from crosstide.cluster.dlq import Wanted, counts, identity, letters, original, place
from crosstide.cluster.dlq_replay import Outcome, replay
from crosstide.cluster.errors import ClusterError
from crosstide.cluster.options import DEFAULT_RUN_DIR, Bootstrap, JsonOption, Prefix, RunDir, err, out, refusing
from crosstide.cluster.state import running_state
from jobs.settings import load_pipeline
from models.packets import DeadLetter

app = typer.Typer(no_args_is_help=True, help="Dead letters: what was refused, why, where; and back again, repaired.")
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Only those from this topic; repeatable.")]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only those with this reason; repeatable.")]


@app.command()
def ls(
    topics: Topics = None,
    reasons: Reasons = None,
    last: Annotated[int, typer.Option(min=0, help="So many of the newest, one by one.")] = 20,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    bootstrap: Bootstrap = None,
    prefix: Prefix = "",
    as_json: JsonOption = False,
) -> None:
    """List dead letters: how many by topic and reason, and the newest with their ids.

    With --json: one object a line, all of them, ready to be repaired for `replay --repaired`.
    """
    with refusing():
        found = list(letters(_address(bootstrap, run_dir), prefix, Wanted(topics or (), reasons or ())))
    if as_json:
        for letter in found:
            print(json.dumps({"id": identity(letter), **msgspec.to_builtins(letter), "text": _text(letter)}))
        return
    for topic, reason, count in counts(found):
        out.print(f"{count:8} {topic:15} {reason}")
    for letter in found[len(found) - min(last, len(found)) :]:
        out.print(f"{identity(letter)}  {letter.timestamp}  {letter.reason}: {letter.detail[:100]}", markup=False)
    if not found:
        out.print("no dead letters")


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="Where it stood, as TOPIC/PARTITION@OFFSET.")],
    raw: Annotated[bool, typer.Option("--raw", help="Only the record's bytes, all of them.")] = False,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    bootstrap: Bootstrap = None,
    prefix: Prefix = "",
) -> None:
    """Show one dead letter: why it was refused, and what it holds."""
    with refusing():
        place(id)
        address = _address(bootstrap, run_dir)
        letter = next(letters(address, prefix, Wanted(ids=[id])), None)
        if letter is None:
            raise ClusterError(f"there is no dead letter {id}")
        whole = original(address, prefix, letter) if raw else b""
    if raw:
        sys.stdout.buffer.write(whole)
        return
    for name in ("topic", "partition", "offset", "timestamp", "reason", "detail", "size", "sha256"):
        out.print(f"{name:10} {getattr(letter, name)}", markup=False)
    out.print(_text(letter), markup=False)


@app.command("replay")
def replay_command(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids; default: all that fit --topic and --reason.")] = None,
    repaired: Annotated[
        Path | None,
        typer.Option(help='File of lines {"id": ..., "value": {...}}: the records as they should have been.'),
    ] = None,
    topics: Topics = None,
    reasons: Reasons = None,
    actor: Annotated[str | None, typer.Option(help="Who does it, for the audit; default: the user.")] = None,
    run_dir: RunDir = DEFAULT_RUN_DIR,
    bootstrap: Bootstrap = None,
    prefix: Prefix = "",
) -> None:
    """Send records back to their topics, each once, however often this is called; exit code 1 if any was refused.

    A record that would be refused again is not sent: repair it, or change the configuration first.

    Example: crosstide dlq ls --reason mistyped --json > bad.jsonl; (repair) ; crosstide dlq replay --repaired bad.jsonl
    """
    with refusing():
        new = {} if repaired is None else read_repaired(repaired)
        wanted = Wanted(topics or (), reasons or (), [*(ids or ()), *new])
        if not (wanted.ids or wanted.topics or wanted.reasons):
            raise ClusterError("say which: ids, --repaired, --topic or --reason")
        address = _address(bootstrap, run_dir)
        chosen = list(letters(address, prefix, wanted))
        limits = load_pipeline().limits
        done = replay(address, prefix, chosen, new, actor or getpass.getuser(), limits)
        missing = sorted(set(wanted.ids) - {identity(letter) for letter in chosen})
    _tell(done, missing)
    raise typer.Exit(1 if done.refused or missing else 0)


def read_repaired(file: Path) -> dict[str, bytes]:
    """Read repaired records: identity -> bytes. Raises ClusterError with the line that is wrong."""
    found = {}
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            place(entry["id"])
            value = entry["value"]
        except (ValueError, KeyError, TypeError) as error:
            raise ClusterError(f"{file}:{number}: not {{'id': ..., 'value': ...}} ({error})") from None
        found[str(entry["id"])] = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    return found


def _address(bootstrap: str | None, run_dir: Path) -> str:
    return bootstrap or running_state(run_dir).broker.bootstrap


def _text(letter: DeadLetter) -> str:
    return letter.value.decode("utf-8", "backslashreplace")


def _tell(done: Outcome, missing: list[str]) -> None:
    out.print(f"{len(done.sent)} sent back, {len(done.before)} had been sent before, {len(done.refused)} refused")
    for name, why in done.refused.items():
        err.print(f"{name}: {why}", markup=False)
    for name in missing:
        err.print(f"{name}: there is no such dead letter", markup=False)
