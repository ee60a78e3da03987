"""Dead letters of a topic by window of event time: more than the limit are evidence about the stream itself.

Sending everything to the dead letters is an outage, not error handling. The stream is a service of its own
(`stream.telemetry`), so its trouble opens, lasts and resolves as that of any other does. A letter whose time has
passed already (a late record) counts in the window that is going on; so does one from the future, whose time is given
as 0: windows of years to come would pile up, and the trouble of now would not show.
Blind spot: a stream that has always been refused in part, at less than the limit.
"""

import msgspec
from msgspec import Struct

from models.bucket_clock import FINAL
from models.config import Pipeline
from models.evidence import Evidence
from models.packets import Packet
from models.scores import Contribution, Score, Span
from models.silence import ALPHA
from models.times import to_iso

SIGNAL = "dead_letters.rate"


class Watch(Struct, frozen=True, array_like=True):
    """Letters by window end (epoch ms) not judged yet; the last end judged while it is watched; the last with any."""

    counts: dict[int, int] = {}
    closed_ms: int | None = None
    last_ms: int = 0

    def counting(self, time_ms: int, reached_ms: int, slide_ms: int) -> "Watch":
        """Answer the watch with one letter more; `reached_ms`: the watermark, 0 where a restart has forgotten it."""
        end_ms = max(time_ms, reached_ms + 1, self.closed_ms or 0) // slide_ms * slide_ms + slide_ms
        return Watch({**self.counts, end_ms: self.counts.get(end_ms, 0) + 1}, self.closed_ms, self.last_ms)

    def upcoming(self, slide_ms: int) -> int | None:
        """Return the end of the next window to judge; None: nothing is watched."""
        regular = [] if self.closed_ms is None else [self.closed_ms + slide_ms]
        return min([*self.counts, *regular], default=None)


def close(watch: Watch, reached_ms: int, config: Pipeline) -> tuple[Watch, list[tuple[int, int]]]:
    """Judge every window that the watermark has passed; answers (end, letters) of each, in order.

    After the last letter the windows go on until an incident would have resolved. The end of a replay is no window.
    """
    slide_ms, closed = config.windows.slide_ms, list[tuple[int, int]]()
    quiet_ms = config.clearing.after + (config.opening.n + 1) * slide_ms
    while (end_ms := watch.upcoming(slide_ms)) is not None and end_ms - 1 <= reached_ms:
        if reached_ms >= FINAL and not watch.counts:
            break
        letters = watch.counts.get(end_ms, 0)
        closed.append((end_ms, letters))
        last_ms = end_ms if letters else watch.last_ms
        left = {end: count for end, count in watch.counts.items() if end > end_ms}
        watch = Watch(left, None if end_ms - last_ms >= quiet_ms else end_ms, last_ms)
    return watch, closed


def evidence(topic: str, end_ms: int, letters: int, config: Pipeline) -> Packet:
    """Answer what a window of so many letters says about its stream: 1.0 is the limit."""
    windows, limit = config.windows, config.limits.dead_letter_rate
    rate = 1000 * letters / windows.slide_ms
    service, score = f"stream.{topic}", float(f"{rate / limit:.6g}")
    fused = Score(
        service=service,
        entity=f"service/{service}",
        window=Span(to_iso(end_ms - windows.size), to_iso(end_ms)),
        detector="fused",
        score=score,
        p_value=float(f"{ALPHA ** min(score, 80.0):.6g}"),
        n=max(1, letters),  # looked at, also where there was nothing to see
        stream="model",
        contributions=[Contribution(SIGNAL, 1.0)],
    )
    line = msgspec.structs.replace(
        fused, detector="static", signal=SIGNAL, observed=rate, expected=0.0, upper=limit, direction="up"
    )
    told = Evidence(
        service=service,
        subject=f"service/{service}",
        relation="self",
        stream="model",
        start_ms=end_ms - windows.size,
        end_ms=end_ms,
        scores=[fused, line] if score >= 1 else [fused],
    )
    return Packet("evidence", service, end_ms - 1, msgspec.msgpack.encode(told))
