"""A job's health in words, a line for each question that one has at night."""

import time
from collections.abc import Iterator

from crosstide.cluster.health import Health
from models.times import to_iso


def lines(health: Health) -> Iterator[str]:
    """Write it down."""
    yield f"job           {health.name} ({health.job_id})"
    yield f"state         {health.state}, for {_duration(health.uptime_s)}; restarts: {health.restarts}"
    yield f"checkpoint    {_checkpoint(health)}"
    yield f"event time    {_event_time(health)}"
    yield f"lag           {_counts(health.lag) if health.lag is not None else 'not known: Kafka does not answer'}"
    yield f"late          {_counts({topic: counts['late'] for topic, counts in health.totals.items()})}"
    yield f"dead letters  {_counts({topic: counts['dead_lettered'] for topic, counts in health.totals.items()})}"
    yield f"incidents     {health.open_incidents} open"
    yield f"services      {health.gauge('tracked_services')} tracked, {health.gauge('warming_up')} warming up"
    if refused := health.gauge("refused_services"):
        yield f"              {refused} refused in the last window: limits.max_services is reached"


def _checkpoint(health: Health) -> str:
    failed = f"; failed or too early so far: {health.checkpoints_failed}" if health.checkpoints_failed else ""
    if health.checkpoint_age_s is None:
        return f"none yet{failed}"
    size = sum(health.state_bytes.values())
    took = 0.0 if health.checkpoint_s is None else health.checkpoint_s
    return f"{_duration(health.checkpoint_age_s)} ago, took {took:.1f} s, {size / 1024:.0f} KiB{failed}"


def _event_time(health: Health) -> str:
    if health.watermark_s is None:
        return "none yet"
    return f"{to_iso(int(health.watermark_s * 1000))}, {_duration(max(0.0, time.time() - health.watermark_s))} ago"


def _counts(by_topic: dict[str, int]) -> str:
    told = [f"{topic} {count}" for topic, count in sorted(by_topic.items()) if count]
    return ", ".join(told) or "none"


def _duration(seconds: float) -> str:
    """Write a duration as people say it.

    >>> _duration(75), _duration(7260), _duration(3.4)
    ('1 min 15 s', '2 h 1 min', '3.4 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
