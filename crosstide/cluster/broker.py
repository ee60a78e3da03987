"""One Kafka broker (KRaft, its own controller) as a plain Java process on the loopback."""

import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from crosstide.cluster import processes
from crosstide.cluster.errors import ClusterError, tail
from crosstide.cluster.jars import broker_jars
from crosstide.cluster.processes import Proc
from crosstide.cluster.topics import MAX_MESSAGE
from jobs.java import java_home

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
# a misspelt topic is an error here, not a new empty topic
auto.create.topics.enable=false
message.max.bytes={max_message}
# one broker: replicas and internal partitions of the default size would only cost start time and memory
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# default 10 s: a reader of committed records waits for transactions that ran out of time only that much longer
transaction.abort.timed.out.transaction.cleanup.interval.ms=5000
# default 128 MB of a 512 MB heap
log.cleaner.dedupe.buffer.size=16777216
"""


@dataclass(frozen=True)
class Broker:
    """A started broker: its address for clients, its process, its folder of messages and its log."""

    bootstrap: str
    process: Proc
    data: Path
    log: Path
    heap_mb: int = 512

    def stop(self) -> None:
        """End the broker and wait until it is gone; its messages stay in `data`."""
        processes.stop([self.process])

    def again(self, run_dir: Path) -> "Broker":
        """Start a broker that has gone, at the same address with the same messages; returns without waiting."""
        settings = self.data.parent / "server.properties"
        return replace(self, process=_spawn(_java(), settings, run_dir, self.log, self.heap_mb))


def start(run_dir: Path, heap_mb: int = 512, deadline_s: float = 60.0) -> Broker:
    """Start a broker in `run_dir` and return it when it answers; messages of an earlier run there are kept.

    Raises ClusterError with the end of the broker's log when it does not answer within `deadline_s` seconds.
    """
    broker = launch(run_dir, heap_mb)
    wait_ready(broker, deadline_s)
    return broker


def launch(run_dir: Path, heap_mb: int = 512) -> Broker:
    """Start a broker without waiting for it, on free ports of 127.0.0.1."""
    home = run_dir.resolve() / "kafka"
    data, log, settings = home / "data", home / "broker.log", home / "server.properties"
    home.mkdir(parents=True, exist_ok=True)
    port, controller = processes.free_ports(2)
    settings.write_text(_SETTINGS.format(port=port, controller=controller, data=data, max_message=MAX_MESSAGE))
    java = _java()
    if not (data / "meta.properties").is_file():
        _format(java, settings)
    return Broker(f"127.0.0.1:{port}", _spawn(java, settings, run_dir, log, heap_mb), data, log, heap_mb)


def wait_ready(broker: Broker, deadline_s: float = 60.0) -> None:
    """Return when the broker lists its topics; raises ClusterError with the end of its log otherwise."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline and broker.process.alive():
        if _answers(broker.bootstrap):
            return
        time.sleep(0.2)
    what = f"did not answer within {deadline_s:.0f} s" if broker.process.alive() else "ended while starting"
    broker.stop()
    raise ClusterError(f"the Kafka broker {what}; its log ends:\n{tail(broker.log)}")


def _java() -> list[str]:
    return [str(java_home() / "bin" / "java"), "-cp", f"{broker_jars()}/*"]


def _spawn(java: list[str], settings: Path, run_dir: Path, log: Path, heap_mb: int) -> Proc:
    options = [f"-Xmx{heap_mb}m", f"-Xms{heap_mb // 2}m", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
    return processes.spawn("kafka", [*java, *options, "kafka.Kafka", str(settings)], run_dir, log)


def _answers(bootstrap: str) -> bool:
    host, port = bootstrap.split(":")
    # asked first, because kafka-python leaves a socket unclosed for every connection that is refused
    if not processes.listens(host, int(port)):
        return False
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000, bootstrap_timeout_ms=1000)
    except (KafkaError, OSError):
        return False
    try:
        admin.list_topics()
        return True
    except KafkaError:
        return False
    finally:
        admin.close()


def _format(java: list[str], settings: Path) -> None:
    identity = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # an identity that starts with a dash would be read as an option
    command = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={identity}", "--config", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise ClusterError(f"the Kafka storage could not be formatted: {(done.stderr or done.stdout).strip()[-1000:]}")
