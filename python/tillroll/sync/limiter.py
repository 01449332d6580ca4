"""How fast a store is asked."""

from collections import deque
from collections.abc import Callable


class Limiter:
    """At most so many requests in any second, as the store sees them.

    A place is given back a second after its answer began, not after the request was sent: the request
    arrived in between, at a time that nobody here knows, so that any other way could let one too many
    arrive within a second.
    """

    def __init__(self, per_second: int, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._answered: deque[float] = deque(maxlen=per_second)
        self._clock = clock
        self._sleep = sleep

    def wait(self) -> None:
        """Waits until a request may be sent."""
        if len(self._answered) < (self._answered.maxlen or 1):
            return
        # A sleep may end early.
        while (missing := self._answered[0] + 1.0 - self._clock()) > 0:
            self._sleep(missing)

    def answered(self) -> None:
        """Tells that the request that was sent last has arrived, or never will."""
        self._answered.append(self._clock())
