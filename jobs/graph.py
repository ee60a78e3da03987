"""The whole graph, from the topics that are there to one stream of what leaves the job."""

from collections.abc import Iterable
from dataclasses import dataclass

from pyflink.datastream import DataStream
from pyflink.table import StreamTableEnvironment

from jobs.settings import config_sha256
from jobs.sources import Source
from jobs.stages import STREAM_OF, account, correlate, health, read, score, take_apart, union
from models.artifact import Artifacts
from models.config import Pipeline
from models.correlate import CorrelatorSettings
from models.intake import TopicName


@dataclass(frozen=True)
class Plan:
    """What a job is built from."""

    pipeline: Pipeline
    artifacts: Artifacts
    topics: Iterable[TopicName]
    correlated: bool = True
    replay: bool = False


def build(table_env: StreamTableEnvironment, source: Source, plan: Plan) -> DataStream:
    """Answer the packets that leave the job: scores, dead letters, accounts and, if correlated, incidents."""
    stages: list[DataStream] = []
    for topic in plan.topics:
        loads = read(table_env, source, topic, plan.pipeline)
        if topic in STREAM_OF:
            stages.append(score(loads, STREAM_OF[topic], plan.pipeline, plan.artifacts))
        else:
            stages.append(take_apart(loads, topic, plan.pipeline.topology))
    results = [*stages, account(stages)]
    if plan.correlated:
        results.append(correlate([*stages, health(stages, plan.pipeline)], settings_of(plan)))
    return union(results)


def settings_of(plan: Plan) -> CorrelatorSettings:
    """Answer what the correlator needs to know of the plan."""
    return CorrelatorSettings(
        pipeline=plan.pipeline,
        config_sha256=config_sha256(plan.pipeline),
        artifacts=[plan.artifacts.id] if plan.artifacts.id else [],
        replay=plan.replay,
    )
