"""The Flink environment of a job: what is the same wherever it runs, with the reason of every non-default."""

import os
import sys
from collections.abc import Mapping

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment

#: Records that cross into Python at once: per batch it pays once for Arrow and gRPC.
BATCH = 10_000

COMMON: dict[str, str] = {
    "table.exec.uid.generation": "ALWAYS",  # the planner's operators get uids too, so that state finds its way back
    "table.local-time-zone": "UTC",  # pandas functions get times in it: the machine's own zone would shift event time
    "pipeline.max-parallelism": "128",  # fixed: it cannot change between savepoints
    "pipeline.object-reuse": "true",  # rows are not kept by any operator of ours
    "python.fn-execution.bundle.size": str(BATCH),
    "python.fn-execution.arrow.batch.size": str(BATCH),
    "python.operator-chaining.enabled": "true",
}

LOCAL: dict[str, str] = {
    "parallelism.default": "2",
    "pipeline.auto-watermark-interval": "0 ms",  # a replay's watermark follows each record: the same at any speed
    "python.fn-execution.bundle.time": "1000",  # a replay has no latency to save, only batches to fill
    "restart-strategy.type": "disable",  # a replay that fails says so at once
    "rest.bind-address": "127.0.0.1",
    "rest.address": "127.0.0.1",
    "taskmanager.memory.managed.size": "512m",
    "taskmanager.memory.network.min": "128m",  # equal bounds: a mini-cluster does not resolve a range
    "taskmanager.memory.network.max": "128m",
}


def cluster_environment(settings: Mapping[str, str]) -> StreamTableEnvironment:
    """Answer the environment of a job that `flink run` submits; the cluster's own configuration stays in force."""
    return _environment({**COMMON, **settings})


def local_environment(settings: Mapping[str, str]) -> StreamTableEnvironment:
    """Answer an embedded mini-cluster whose Python workers are processes, as they are on every real cluster."""
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112  (PyFlink reads it in lower case)
    return _environment({**COMMON, **LOCAL, "python.executable": sys.executable, **settings})


def _environment(settings: Mapping[str, str]) -> StreamTableEnvironment:
    configuration = Configuration()
    for key, value in settings.items():
        configuration.set_string(key, value)
    return StreamTableEnvironment.create(StreamExecutionEnvironment.get_execution_environment(configuration))
