"""Detectors as the configuration names them: a known kind, and options that its own model accepts."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from models.config import Detectors
from models.config_document import Document
from models.config_problems import Path, Problem, problem_at, unknown
from models.config_schema import schema_problems


def detector_problems(
    detectors: Detectors,
    document: Document,
    original: Callable[[Path], Path],
    known_kinds: Mapping[str, type[BaseModel]] | None,
) -> Iterator[Problem]:
    """Judge each detector of both streams; `original` translates paths to those of the document."""
    for stream in ("model", "infra"):
        seen: set[str] = set()
        for index, detector in enumerate(getattr(detectors, stream)):
            path = original(("detectors", stream, index))
            kind = detector.get("kind")
            if not isinstance(kind, str):
                yield problem_at(document.spot(path), "a detector without a 'kind'", "{kind: ewma}, or another kind")
                continue
            at = document.spot((*path, "kind"), path)
            if kind in seen:
                yield problem_at(
                    at, f"the detector '{kind}' stands twice under '{stream}'", "it once, with its options"
                )
            seen.add(kind)
            if known_kinds is not None:
                yield from _options(detector, kind, path, document, known_kinds)


def _options(
    detector: dict[str, Any], kind: str, path: Path, document: Document, known_kinds: Mapping[str, type[BaseModel]]
) -> Iterator[Problem]:
    model = known_kinds.get(kind)
    if model is None:
        message, hint = unknown("kind of detector", kind, known_kinds)
        yield problem_at(document.spot((*path, "kind"), path), message, hint)
        return
    options = {key: value for key, value in detector.items() if key != "kind" or "kind" in model.model_fields}
    try:
        model.model_validate(options, strict=True)
    except ValidationError as errors:
        yield from schema_problems(errors, document, model, path)
