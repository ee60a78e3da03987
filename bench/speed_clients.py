"""Two Kafka clients that feed a partition: in order, exactly once, and the first refused message is an error."""

from typing import Any, Protocol

from bench.speed_data import Message

FULL_SPEED = {"linger.ms": 50, "batch.size": 524_288, "queue.buffering.max.messages": 200_000}
PACED = {"linger.ms": 1}


class FeedError(RuntimeError):
    """A message was refused by the broker."""


class Client(Protocol):
    """What feeding needs of a client."""

    def send(self, message: Message) -> None:
        """Hand a message over; waits while the buffer is full."""

    def serve(self) -> None:
        """Let the client report."""

    def finish(self) -> None:
        """Wait until all is written. Raises FeedError."""


def confluent_client(bootstrap: str, topic: str, partition: int, *, paced: bool) -> Client:
    """Connect by librdkafka: 200,000 messages a second."""
    from confluent_kafka import Producer

    common = {"bootstrap.servers": bootstrap, "enable.idempotence": True, "delivery.report.only.error": True}
    return _Confluent(Producer(common | (PACED if paced else FULL_SPEED)), topic, partition)


def kafka_python_client(bootstrap: str, topic: str, partition: int, *, paced: bool) -> Client:
    """Connect by our own dependency."""
    from kafka import KafkaProducer

    linger, size = (1, 16_384) if paced else (50, 524_288)
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, linger_ms=linger, batch_size=size,
        metrics_enabled=False,
    )  # fmt: skip
    return _KafkaPython(producer, topic, partition)


class _Confluent:
    def __init__(self, producer: Any, topic: str, partition: int) -> None:
        self._producer, self._topic, self._partition = producer, topic, partition
        self._refused: list[str] = []

    def send(self, message: Message) -> None:
        key, at, value = message
        while True:
            try:
                self._producer.produce(
                    self._topic, value, key, self._partition, on_delivery=self._delivered, timestamp=at
                )
                return
            except BufferError:
                self._producer.poll(0.05)

    def serve(self) -> None:
        self._producer.poll(0)

    def finish(self) -> None:
        self._producer.flush()
        if self._refused:
            raise FeedError(self._refused[0])

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._refused.append(str(error))


class _KafkaPython:
    def __init__(self, producer: Any, topic: str, partition: int) -> None:
        self._producer, self._topic, self._partition = producer, topic, partition
        self._refused: list[BaseException] = []

    def send(self, message: Message) -> None:
        key, at, value = message
        sent = self._producer.send(self._topic, value, key, partition=self._partition, timestamp_ms=at)
        sent.add_errback(self._refused.append)

    def serve(self) -> None:
        """Nothing: it has a thread of its own."""

    def finish(self) -> None:
        self._producer.flush()
        self._producer.close()
        if self._refused:
            raise FeedError(str(self._refused[0]))
