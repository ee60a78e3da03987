"""The bytes of state: those of every version that a job may have on its disk are kept, read, or refused by name."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from models import bucket_memory, columns, correlate_state
from models.bucket_log import Arrived, Head
from models.model_pane import ModelPane
from models.packets import Account
from models.stream_health import Watch
from models.telemetry_pane import TelemetryPane
from tests.state_cases import FOLDER, encodings

NOW = encodings()
Codec = tuple[Callable[[bytes], Any], Callable[[Any], bytes]]


def plain(kind: type) -> Codec:
    return lambda data: msgspec.msgpack.decode(data, type=kind), msgspec.msgpack.encode


CODECS: dict[str, Codec] = {
    "columns": (columns.unpack, columns.pack),
    "bucket-model": (lambda data: bucket_memory.decode(data, ModelPane.unpack), bucket_memory.encode),
    "bucket-infra": (lambda data: bucket_memory.decode(data, TelemetryPane.unpack), bucket_memory.encode),
    "correlator": (correlate_state.unpack, correlate_state.pack),
    "head": plain(Head),
    "blobs": plain(Arrived),
    "account": plain(Account),
    "letters": plain(Watch),
}


def kind(name: str) -> str:
    return name.rpartition("-v")[0]


@pytest.mark.parametrize("name", NOW)
def test_today_s_code_reads_what_is_kept_and_writes_the_same_bytes(name: str) -> None:
    """Where this fails, the layout has changed: raise its version, and keep the old file beside the new one.

    Not compared with today's bytes: the last digits of a logarithm differ from processor to processor.
    """
    read, write = CODECS[kind(name)]
    kept = (FOLDER / f"{name}.bin").read_bytes()
    assert write(read(kept)) == kept


@pytest.mark.parametrize("stream", ["model", "infra"])
def test_a_bucket_remembers_the_same_columns_as_when_its_bytes_were_kept(stream: str) -> None:
    name = next(name for name in NOW if kind(name) == f"bucket-{stream}")
    read, _ = CODECS[kind(name)]
    kept, now = (read(data).table for data in ((FOLDER / f"{name}.bin").read_bytes(), NOW[name]))
    assert {key: column.shape for key, column in kept.columns.items()} == {
        key: column.shape for key, column in now.columns.items()
    }
    assert kept.keys == now.keys


def test_kept_bytes_of_another_version_are_refused_by_their_version() -> None:
    for file in FOLDER.glob("*.bin"):
        if file.stem not in NOW:
            with pytest.raises(ValueError, match="version"):
                CODECS[kind(file.stem)][0](file.read_bytes())


@pytest.mark.parametrize("name", [name for name in NOW if kind(name) in ("columns", "correlator") or "bucket" in name])
def test_bytes_of_a_later_version_are_refused_by_their_version(name: str) -> None:
    later = msgspec.msgpack.decode(NOW[name])
    place = "version" if isinstance(later, dict) else 0
    later[place] = 99
    with pytest.raises(ValueError, match="version 99"):
        CODECS[kind(name)][0](msgspec.msgpack.encode(later))


def test_every_kind_of_state_is_kept() -> None:
    assert {kind(name) for name in NOW} == set(CODECS)
