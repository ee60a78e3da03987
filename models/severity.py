"""How bad an incident is: how far beyond its expectation, how sure, for how long."""

import math

from models.incident import Severity, SeverityFactors
from models.scene import Scene

NUMBERS: dict[Severity, int] = {"info": 9, "warning": 13, "high": 17, "critical": 21}
_LEVELS: tuple[tuple[float, Severity], ...] = ((0.8, "critical"), (0.6, "high"), (0.35, "warning"), (0.0, "info"))
#: Decimal places of the p-value that count as certain.
SURE_DIGITS = 6.0
#: Strange windows that count as lasting.
LASTING = 12


def factors(scene: Scene, touched: int) -> SeverityFactors:
    """Weigh an incident that touches `touched` callers; without any symptom of the service, impact is small."""
    shown = scene.symptoms or scene.machines
    reach = 0.7 * max((trace.strength for trace in shown), default=0.0) + 0.15 * min(2, touched)
    if not scene.symptoms:
        reach *= 0.5
    least = min((trace.peak.p_value for trace in shown), default=1.0)
    sure = min(1.0, -math.log10(max(least, 1e-300)) / SURE_DIGITS)
    lasting = min(1.0, scene.strange / LASTING)
    return SeverityFactors(round(reach, 3), round(max(0.0, sure), 3), round(lasting, 3))


def grade(weighed: SeverityFactors, at_least: Severity) -> Severity:
    """Return the severity; while an incident is open it never falls, so that nobody is told of every wave."""
    total = 0.55 * weighed.impact + 0.2 * weighed.confidence + 0.25 * weighed.persistence
    level = next(name for floor, name in _LEVELS if total >= floor)
    return max(level, at_least, key=NUMBERS.__getitem__)
