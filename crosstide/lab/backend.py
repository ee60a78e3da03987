"""What stands behind a service and can be slow: the service waits for it, burning no CPU."""

import random
import time

#: Spread (of the logarithm) of a slow backend's waits.
SPREAD = 0.2


class Backend:
    """`wait_s`: the median wait for it; 0: it answers at once."""

    def __init__(self) -> None:
        self.wait_s = 0.0

    def ask(self) -> None:
        """Wait for it."""
        if self.wait_s:
            time.sleep(self.wait_s * random.lognormvariate(0, SPREAD))
