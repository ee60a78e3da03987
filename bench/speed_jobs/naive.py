"""PyFlink as its first tutorial has it: every message through Python, a keyed window, a list, a summary.

flink run -py naive.py --bootstrap HOST:PORT --topic T --output T2 --kind {model-outputs,telemetry}
"""

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import cloudpickle
from pyflink.common import Duration, SimpleStringSchema, Time, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)
from pyflink.datastream.functions import ProcessWindowFunction
from pyflink.datastream.window import TumblingEventTimeWindows

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
from bench.speed_peers import window_stats


class EventTime(TimestampAssigner):  # type: ignore[misc]
    """Event time as the body says it."""

    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:  # noqa: ARG002
        """Read ISO 8601."""
        return int(datetime.fromisoformat(value["timestamp"]).timestamp() * 1000)


class Summarise(ProcessWindowFunction):  # type: ignore[misc]
    """A window's messages in, one line out."""

    def __init__(self, kind: str) -> None:
        self._summary = window_stats.answers if kind == "model-outputs" else window_stats.samples

    def process(self, key: str, context: "ProcessWindowFunction.Context[Any]", elements: Iterable[Any]) -> list[str]:
        """Answer the summary."""
        return [json.dumps(self._summary(key, context.window().start, list(elements)))]


def parsed(text: str) -> Iterable[Any]:
    """Read one message; nothing for what is no answer."""
    try:
        body = json.loads(text)
    except ValueError:
        return []
    return [body] if window_stats.is_answer(body) else []


def main() -> None:
    """Submit the job."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "output", "kind"):
        parser.add_argument(f"--{name}", required=True)
    asked = parser.parse_args()
    # the workers cannot import this file's neighbours: they travel with the functions
    cloudpickle.register_pickle_by_value(window_stats)
    env = StreamExecutionEnvironment.get_execution_environment()
    source = (
        KafkaSource.builder().set_bootstrap_servers(asked.bootstrap).set_topics(asked.topic).set_group_id("naive")
        .set_starting_offsets(KafkaOffsetsInitializer.earliest()).set_bounded(KafkaOffsetsInitializer.latest())
        .set_value_only_deserializer(SimpleStringSchema()).build()
    )  # fmt: skip
    grace = Duration.of_millis(window_stats.GRACE_MS)
    times = WatermarkStrategy.for_bounded_out_of_orderness(grace).with_timestamp_assigner(EventTime())
    lines = (
        env.from_source(source, WatermarkStrategy.no_watermarks(), "messages")
        .flat_map(parsed, Types.PICKLED_BYTE_ARRAY())
        .assign_timestamps_and_watermarks(times)
        .key_by(lambda body: body["service"], Types.STRING())
        .window(TumblingEventTimeWindows.of(Time.milliseconds(window_stats.WINDOW_MS)))
        .process(Summarise(asked.kind), Types.STRING())
    )
    schema = KafkaRecordSerializationSchema.builder().set_topic(asked.output)
    serialised = schema.set_value_serialization_schema(SimpleStringSchema()).build()
    sink = KafkaSink.builder().set_bootstrap_servers(asked.bootstrap).set_record_serializer(serialised)
    lines.sink_to(sink.set_delivery_guarantee(DeliveryGuarantee.AT_LEAST_ONCE).build())
    env.execute_async("naive")


if __name__ == "__main__":
    main()
