"""An axis of amounts: round steps from below the smallest to above the largest, zero among them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

# An axis has no more steps.
STEPS = 6
_SUFFIXES = ((12, "T"), (9, "G"), (6, "M"), (3, "k"))


@dataclass(frozen=True)
class Scale:
    """What lies between two ends of an axis."""

    low: Decimal
    high: Decimal
    step: Decimal

    @classmethod
    def of(cls, amounts: Iterable[Decimal]) -> "Scale":
        """The axis for these amounts."""
        found = [Decimal(0), *amounts]
        low, high = min(found), max(found)
        power = Decimal(10) ** (high - low).adjusted() / 10
        for step in (power * each for each in (1, 2, 5, 10, 20, 50)):
            down = (low / step).to_integral_value(ROUND_FLOOR)
            up = (high / step).to_integral_value(ROUND_CEILING)
            if up - down <= STEPS:
                break
        return cls(down * step, up * step, step)

    def share(self, amount: Decimal) -> float:
        """How far up an amount stands, from 0 to 1."""
        return float((amount - self.low) / (self.high - self.low))

    def ticks(self) -> list[Decimal]:
        """The amounts that are named at the axis."""
        return [self.low + self.step * at for at in range(int((self.high - self.low) / self.step) + 1)]


def short(amount: Decimal) -> str:
    """A round amount in few characters."""
    for power, suffix in _SUFFIXES:
        if abs(amount) >= Decimal(10) ** power:
            return f"{_plain(amount.scaleb(-power))}{suffix}"
    return _plain(amount)


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
