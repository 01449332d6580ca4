"""The axis of time, on which each day, month or year has the same room."""

from datetime import date

# Of the times in a report, the finest is the one to draw.
TIMES = ("day", "week", "month", "quarter", "year")


def place(day: date, time: str) -> int:
    """Where a time stands."""
    return {
        "year": day.year,
        "quarter": day.year * 4 + (day.month - 1) // 3,
        "month": day.year * 12 + day.month - 1,
        "week": (day.toordinal() - 1) // 7,
        "day": day.toordinal(),
    }[time]


def named(day: date, time: str) -> str:
    """A time's name."""
    return {
        "year": f"{day:%Y}",
        "quarter": f"{day:%Y} Q{(day.month - 1) // 3 + 1}",
        "month": f"{day:%Y-%m}",
    }.get(time, day.isoformat())


def at(place: int, time: str) -> date:
    """The first day of what stands at a place: a week begins on Monday."""
    if time in ("day", "week"):
        return date.fromordinal(place if time == "day" else place * 7 + 1)
    months = place * {"year": 12, "quarter": 3, "month": 1}[time]
    return date(months // 12, months % 12 + 1, 1)
