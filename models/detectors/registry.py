"""Finds detectors: every module of this package that has a `KIND`. A new detector is one file."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import models.detectors
from models.config import Section
from models.detectors.base import Context, Detector


@cache
def kinds() -> Mapping[str, ModuleType]:
    """Answer kind -> module."""
    names = [found.name for found in pkgutil.iter_modules(models.detectors.__path__)]
    modules = [importlib.import_module(f"models.detectors.{name}") for name in sorted(names)]
    return {module.KIND: module for module in modules if hasattr(module, "KIND")}


def options_by_kind() -> dict[str, type[Section]]:
    """Answer kind -> the options it takes, for the check of a configuration and its documentation."""
    return {kind: module.Options for kind, module in kinds().items()}


def build(entries: Sequence[Mapping[str, Any]], context: Context) -> list[Detector]:
    """Build the detectors that a configuration lists. Raises KeyError for an unknown kind."""
    detectors: list[Detector] = []
    for entry in entries:
        module = kinds()[entry["kind"]]
        options = module.Options(**{key: value for key, value in entry.items() if key != "kind"})
        detectors.append(module.build(options, context))
    return detectors
