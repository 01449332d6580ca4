"""A question as SQL, for the engines that speak it."""

from __future__ import annotations

from questions import Question

TESTS = {"sku": "sku =", "currency": "currency =", "start": "time >=", "end": "time <"}


def select(question: Question, steps: dict[str, str], *, time: str = "?") -> tuple[str, list[str]]:
    """The text and its values; `steps` are the expressions of days and months, `time` is that of a bound."""
    by = [f"{steps.get(name, name)} AS {name}" for name in question.by]
    sums = [f"sum({name}) AS {name}" for name in question.measures]
    asked = {name: getattr(question, name) for name in TESTS if getattr(question, name) is not None}
    wheres = [f"{TESTS[name]} {time if name in ('start', 'end') else '?'}" for name in asked]
    wheres += ["account = 1"] if question.account else []
    where = f"WHERE {' AND '.join(wheres)}" if wheres else ""
    groups = ", ".join(str(number + 1) for number in range(len(by)))
    order = f"{question.measures[0]} DESC, sku LIMIT {question.top}" if question.top else groups
    text = f"SELECT {', '.join(by + sums)} FROM sales {where} GROUP BY {groups} ORDER BY {order}"
    return text, list(asked.values())
