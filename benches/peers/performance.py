"""Writes docs/PERFORMANCE.md and its plots from what `costs.py` and `sales.py` have printed.

    python benches/peers/performance.py target/bench/costs.jsonl target/bench/sales-*.jsonl

The runs are told apart by their rows. The first table is of the largest run that has several engines; plots
show the medians of a job against the rows of each run.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "tillroll", "svg.fonttype": "none", "font.family": "sans-serif"})
from matplotlib import pyplot  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {
    "tillroll": "Tillroll",
    "duckdb": "DuckDB",
    "duckdb-key": "DuckDB, id indexed",
    "polars": "Polars",
    "sqlite": "SQLite, id indexed",
}
Job = dict[str, dict[str, float]]


class Run:
    """The output of one run."""

    def __init__(self, path: Path) -> None:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        self.machine = next(line["machine"] for line in lines if "machine" in line)
        told = next(line for line in lines if "versions" in line)
        self.versions = told["versions"]
        self.python = told["python"]
        self.jobs: dict[str, Job] = {line["job"]: line["engines"] for line in lines if "job" in line}
        self.rows = next(line["rows"] for line in lines if line.get("job") == "import")
        self.files = next(line["files"] for line in lines if line.get("job") == "import")


def shown(job: str, figure: dict[str, float]) -> str:
    """A median with its range, in the unit that suits it."""
    if "MB" in job or job == "bytes per row":
        return f"{figure['median']:,.0f}" if "MB" in job else f"{figure['median']:,.1f}"
    unit, factor = next(
        (name, factor)
        for name, factor, least in (("s", 1, 1.0), ("ms", 1e3, 1e-3), ("µs", 1e6, 0.0))
        if figure["median"] >= least
    )
    middle, low, high = (figure[part] * factor for part in ("median", "low", "high"))
    digits = 0 if middle >= 100 else 1 if middle >= 10 else 2
    if figure["times"] == 1:
        return f"{middle:,.{digits}f} {unit}"
    return f"{middle:,.{digits}f} {unit} ({low:,.{digits}f} to {high:,.{digits}f})"


def ratio(job: Job, engine: str) -> str:
    """How many times Tillroll's median an engine needs."""
    if engine == "tillroll" or engine not in job or "tillroll" not in job:
        return ""
    times = job[engine]["median"] / job["tillroll"]["median"]
    return f" **{times:,.0f}x**" if times >= 10 else f" **{times:.1f}x**"


def table(run: Run) -> str:
    """Every job of a run, an engine a column."""
    engines = [name for name in NAMES if any(name in job for job in run.jobs.values())]
    lines = [
        "| job | " + " | ".join(NAMES[name] for name in engines) + " |",
        "|---" * (len(engines) + 1) + "|",
    ]
    for name, job in run.jobs.items():
        cells = [
            shown(name, job[engine]) + ratio(job, engine) if engine in job else "-" for engine in engines
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@dataclass(frozen=True)
class Target:
    """What a job is to reach: at most `most`, or at least `times` as fast as the best of some engines."""

    job: str
    most: float | None = None
    times: float | None = None
    of: tuple[str, ...] = ("duckdb", "duckdb-key")
    unit: str = "s"

    def line(self, run: Run) -> str:
        """A line of the table."""
        job = run.jobs.get(self.job, {})
        names = " and ".join(NAMES[engine] for engine in self.of)
        asked = (
            f"at least {self.times:g} times as fast as {names}"
            if self.most is None
            else f"at most {self.most:g} {self.unit}"
        )
        engines = {"tillroll"} if self.most is not None else {"tillroll", *self.of}
        if not engines <= job.keys():
            return f"| {self.job} | {asked} | not measured | |"
        own = job["tillroll"]["median"]
        if self.most is not None:
            factor = {"s": 1, "ms": 1e3, "µs": 1e6}.get(self.unit, 1)
            got, met = f"{own * factor:,.3g} {self.unit}", own * factor <= self.most
        else:
            times = min(job[engine]["median"] for engine in self.of) / own
            got, met = f"{times:,.3g} times", times >= self.times
        return f"| {self.job} | {asked} | {got} | {'yes' if met else '**no**'} |"


TARGETS = [
    Target("import", times=7, of=("duckdb-key",)),
    Target("import", times=3.5, of=("duckdb",)),
    Target("import, CPU", times=3, of=("polars",)),
    Target("import, CPU seconds per million rows", most=1),
    Target("import, peak MB", most=400, unit="MB"),
    Target("bytes per row", most=42, unit="bytes"),
    Target("earnings by month and currency", times=12),
    Target("all rows by currency", times=10),
    Target("country, product and month of one account", times=6),
    Target("top 20 products of 90 days in one currency", times=2.5),
    Target("one product by day", times=4),
    Target("open and first report", most=30, unit="ms"),
    Target("get by id", most=5, unit="µs"),
    Target("10,000 by id in one call", most=1.5, unit="µs"),
    Target("one month restated", most=0.3),
    Target("all rows as Arrow", most=1.5),
    Target("all rows as Arrow, ids of 16 bytes", most=0.7),
]


def targets(run: Run) -> str:
    """What was to be reached, and what was."""
    lines = ["| job | asked | measured | met |", "|---|---|---|---|"]
    return "\n".join([*lines, *(target.line(run) for target in TARGETS)])


def plot(runs: list[Run], job: str, name: str, label: str) -> str:
    """One job's cost against the rows; the name of the picture."""
    figure, axes = pyplot.subplots(figsize=(6, 3.6))
    for engine, title in NAMES.items():
        points = [
            (run.rows, run.jobs[job][engine]["median"]) for run in runs if engine in run.jobs.get(job, {})
        ]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", label=title)
    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel=label, title=job)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(fontsize="small")
    return saved(figure, name, f"{job} against rows")


def saved(figure: Figure, name: str, text: str) -> str:
    """A picture as the page shows it."""
    path = DOCS / "performance" / f"{name}.svg"
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    return f"![{text}](performance/{path.name})"


PLOTS = [
    ("import", "import", "seconds"),
    ("import, CPU", "import-cpu", "CPU seconds"),
    ("earnings by month and currency", "report", "seconds"),
    ("country, product and month of one account", "groups", "seconds"),
    ("get by id", "get", "seconds"),
    ("all rows as Arrow", "rows", "seconds"),
]


def plot_threads(told: dict[str, list[list[float]]]) -> str:
    """What the threads of a table do for the time that its work takes; the picture's text."""
    figure, axes = pyplot.subplots(figsize=(6, 3.6))
    threads, imports, _, reports = zip(*told["cells"], strict=True)
    for name, times in (("import", imports), ("country x product x month", reports)):
        axes.plot(threads, [times[0] / one for one in times], marker="o", label=name)
    axes.set(xlabel="threads", ylabel="times as fast as with one", title="Threads")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
    return saved(figure, "threads", "speed against threads")


def costs(path: Path) -> str:
    """The tables of `costs.py`."""
    parts = []
    for told in (json.loads(line) for line in path.read_text().splitlines()):
        if told.get("title") == "Threads":
            parts.append(plot_threads(told))
        if "title" in told:
            rows = [told["columns"], ["---"] * len(told["columns"]), *told["cells"]]
            lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
            parts.append(f"## {told['title']}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def page(runs: list[Run], beside: str) -> str:
    """The document."""
    main = max((run for run in runs if len(run.versions) > 1), key=lambda run: run.rows, default=runs[-1])
    versions = ", ".join(
        f"{NAMES[name]} {version}" for name, version in main.versions.items() if name != "duckdb-key"
    )
    pictures = "\n\n".join(plot(runs, *one) for one in PLOTS if any(one[0] in run.jobs for run in runs))
    others = "\n\n".join(f"### {run.rows:,} rows\n\n{table(run)}" for run in runs if run is not main)
    machine = f"{main.machine['cpu']}, {main.machine['cores']} cores"
    return f"""# How fast, beside whom

Written by `make bench`, which runs all of it again. Every engine imports the same {main.files} gzip
reports and answers the same questions, each in a process of its own, in turn; the run stops where
two answers differ (of all rows the sums are compared). Figures are medians with their range; behind
them stands how many times Tillroll's median an engine takes. `benches/peers/engines/` has the
settings of each: typed columns, synced commits, money exact everywhere; DuckDB and SQLite with an
index on the transaction id, which Tillroll always has, and DuckDB without one as well. SQLite has
no reader of such files: Python's csv module parses them, and its import is mostly that. Polars
writes a Parquet file a report, and holds everything in memory for the reports.

{machine}; {versions}; Python {main.python}; commit {main.machine["commit"]}.

## {main.rows:,} rows

{table(main)}

## What was to be reached

The targets were set for 10 M rows on two cores. A ratio is of medians, and of the better one of the engines
named.

{targets(main)}

## Cost against rows

{pictures}

{beside}

## Other sizes

{others}
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("costs", type=Path)
    parser.add_argument("sales", nargs="+", type=Path)
    arguments = parser.parse_args()
    runs = sorted((Run(path) for path in arguments.sales), key=lambda run: run.rows)
    if len(commits := {run.machine["commit"] for run in runs}) > 1:
        raise SystemExit(f"these runs are of several commits: {', '.join(sorted(commits))}")
    (DOCS / "PERFORMANCE.md").write_text(page(runs, costs(arguments.costs)), encoding="utf-8")


if __name__ == "__main__":
    main()
