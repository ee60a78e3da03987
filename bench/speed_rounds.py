"""Interleaved rounds: every variant once in each round, so that a slow hour of the machine hits all of them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from rich.console import Console

from bench.speed_data import Kind, Load
from bench.speed_run import Measured
from bench.speed_site import Site
from bench.speed_slope import Speed
from bench.speed_variants import Pace, Variant
from crosstide.cluster.errors import ClusterError

#: Messages of the run that warms a cluster and does not count: a Flink job compiles until about 2 million. With fewer,
#: the small run of the slope compiles more than the large one, and we would seem faster than we are.
WARMING = 2_000_000
Sizes = dict[Pace, tuple[int, int]]
#: Messages of the two runs whose slope counts.
FULL: Sizes = {"fast": (2_000_000, 4_000_000), "middle": (500_000, 1_500_000), "slow": (60_000, 180_000)}
#: For 5,000 services, where a message costs more, and for telemetry.
WIDE: Sizes = {"fast": (1_000_000, 3_000_000), "middle": (300_000, 900_000), "slow": (60_000, 180_000)}
QUICK: Sizes = {"fast": (200_000, 600_000), "middle": (100_000, 300_000), "slow": (20_000, 60_000)}


@dataclass
class Found:
    """Speeds by letter, one a round, and why a letter has none or fewer."""

    speeds: dict[str, list[Speed]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Race:
    """What is measured: a kind of load, services, messages a second of event time, sizes, rounds."""

    kind: Kind
    services: int
    rate: int
    sizes: Sizes
    rounds: int

    def loads(self, variant: Variant) -> tuple[Load, Load]:
        """Answer the small and the large load of a variant."""
        small, large = self.sizes[variant.pace]
        load = Load(self.kind, self.services, self.rate, small)
        return load, replace(load, count=large)


def measure(site: Site, variants: Sequence[Variant], race: Race, say: Console) -> Found:
    """Measure all variants in each round; one that fails is said, left out of later rounds, and the others go on."""
    found = Found()
    for number in range(race.rounds):
        # every second round backwards: no variant always follows the same one
        for variant in variants if number % 2 == 0 else variants[::-1]:
            if variant.letter in found.failed:
                continue
            label = f"round {number + 1} ({variant.letter}) {variant.name}, {race.services} services"
            try:
                speed = speed_of(site, variant, race)
            except (ClusterError, RuntimeError, ValueError, OSError) as error:
                found.failed[variant.letter] = str(error)[:500]
                say.print(f"{label}: {error}", style="red", highlight=False)
                continue
            found.speeds[variant.letter].append(speed)
            say.print(f"{label}: {speed}", style="dim", highlight=False)
    return found


def speed_of(site: Site, variant: Variant, race: Race) -> Speed:
    """Measure a variant once. Raises RuntimeError where it cannot run here, and what its run raises."""
    reason = site.peers.reason_against(variant.letter)
    if reason is not None:
        raise RuntimeError(reason)
    loads = race.loads(variant)
    for load in loads:
        site.feed(load)
    return Speed.between(*once(site, variant, *loads))


def warm(site: Site, small: Load, run: Callable[[Load], Measured]) -> None:
    """Have a cluster compile what the small run needs, on a load of its kind that does not count."""
    warming = replace(small, count=min(WARMING, small.count))
    site.feed(warming)
    run(warming)


def once(site: Site, variant: Variant, small: Load, large: Load) -> tuple[Measured, Measured]:
    """Run a variant warm, on a cluster of its own: the first run compiles, and does not count."""
    with site.cluster() if variant.on_flink else nullcontext() as cluster:
        if variant.on_flink:
            warm(site, small, lambda load: variant.run(site, cluster, load))
        return variant.run(site, cluster, small), variant.run(site, cluster, large)
