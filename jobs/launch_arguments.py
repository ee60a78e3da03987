"""The arguments of an entry file."""

import argparse
import re
from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


def arguments(name: str) -> argparse.ArgumentParser:
    """Return the parser of an entry file's arguments."""
    parser = argparse.ArgumentParser(prog=f"jobs/{name}.py", description=f"Submit the job {name}.")
    parser.add_argument("--bootstrap", default="127.0.0.1:9092", help="Kafka's address (default: %(default)s)")
    parser.add_argument("--config", type=Path, help="pipeline.yaml (default: the shipped one)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key; repeatable")
    parser.add_argument("--topology", type=Path, help="topology.yaml: which entities carry which services")
    parser.add_argument("--artifacts", type=Path, help="folder that `crosstide train` wrote")
    parser.add_argument("--bounded", action="store_true", help="a replay: end at the topics' present end")
    parser.add_argument("--prefix", default="", help="stands before the name of every topic (default: none)")
    parser.add_argument(
        "--name", default="crosstide", type=_name, help="of the job, its consumer group, its transactional ids"
    )
    _of_flink(parser)
    return parser


def _of_flink(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--guarantee", choices=("exactly-once", "at-least-once"), default="exactly-once", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--transaction-timeout", type=int, default=900, metavar="SECONDS",
        help="longer than checkpoint and restart; at most the broker's maximum (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--flink", action="append", default=[], type=_setting, metavar="KEY=VALUE",
        help="a setting of Flink's for this job alone; repeatable",
    )  # fmt: skip


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}': letters, digits, '.', '_' and '-', up to 100")
    return text


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE")
    return key.strip(), value.strip()
