"""How fast a store is asked."""

import threading
from collections import deque
from collections.abc import Callable

# While all places are taken by requests that nobody has answered yet.
_LOOK_AGAIN_SECONDS = 0.05


class Limiter:
    """At most so many requests in any second, as the store sees them, from all threads together.

    A place is given back a second after its answer began, not after the request was sent: the request
    arrived in between, at a time that nobody here knows, so that any other way could let one too many
    arrive within a second.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._answered: deque[float] = deque()
        self._under_way = 0
        self._lock = threading.Lock()
        self._clock = clock
        self._sleep = sleep

    def wait(self, per_second: int) -> None:
        """Waits until a request may be sent, and takes its place."""
        # A sleep may end early.
        while (missing := self._missing(per_second)) > 0:
            self._sleep(missing)

    def _missing(self, per_second: int) -> float:
        """How long there is no place; where there is one it is taken."""
        with self._lock:
            now = self._clock()
            while self._answered and self._answered[0] + 1.0 - now <= 0:
                self._answered.popleft()
            if self._under_way + len(self._answered) < per_second:
                self._under_way += 1
                return 0.0
            return self._answered[0] + 1.0 - now if self._answered else _LOOK_AGAIN_SECONDS

    def answered(self) -> None:
        """Tells that a request that was sent has arrived, or never will."""
        with self._lock:
            self._under_way -= 1
            self._answered.append(self._clock())


_limiters: dict[tuple[str, object, object], Limiter] = {}
_limiters_lock = threading.Lock()


def limiter(store: str, clock: Callable[[], float], sleep: Callable[[float], object]) -> Limiter:
    """The one of a store, for every sync of this process that has this time."""
    with _limiters_lock:
        return _limiters.setdefault((store, clock, sleep), Limiter(clock, sleep))
