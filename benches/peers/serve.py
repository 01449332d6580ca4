"""Engines in processes of their own, which answer the same questions in turn.

A process takes a question a line as JSON and gives an answer a line: what it took, and what it says. So each
engine's CPU time and peak memory are its own, and none is measured while another one works.
"""

from __future__ import annotations

import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

Answer = tuple[float, object]
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6}
# Seconds behind which an engine is not asked the same again.
PATIENCE = 20.0


def timed(run: Callable[[], object]) -> Answer:
    """What a call took, and what it gave."""
    start = time.perf_counter()
    value = run()
    return time.perf_counter() - start, value


def peak_mb() -> float:
    """The most memory this process held."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage tells begins with the process that started this one.
        most = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return round(int(most) * 1024 / 1e6, 1)
    # Linux counts in KiB, macOS in bytes.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most * (1 if platform.system() == "Darwin" else 1024) / 1e6, 1)


def cpu_seconds() -> float:
    """The processor's time that this process has used, that of the system for it included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def size_on_disk(folder: Path) -> int:
    """The bytes of all files below a directory."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def serve(answer: Callable[[str, list], Answer]) -> None:
    """Answer what stands on each line of the input, until it ends."""
    for line in sys.stdin:
        what, *given = json.loads(line)
        print(json.dumps(answer(what, given)), flush=True)


class Peers:
    """Processes of several engines, that are asked in turn."""

    def __init__(self, commands: dict[str, list[str]]) -> None:
        self.engines = {
            name: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for name, command in commands.items()
        }

    def ask(self, engine: str, *question: object) -> Answer:
        """One engine's answer."""
        process = self.engines[engine]
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{engine} gave no answer to {question}")
        seconds, value = json.loads(line)
        return seconds, value

    def compare(
        self, what: str, *question: object, rounds: int = 1, same: bool = True, of: Iterable[str] = ()
    ) -> dict[str, list[float]]:
        """Ask so many rounds, slow engines once; give the seconds of each. All must say the same."""
        engines = list(of) or list(self.engines)
        taken: dict[str, list[float]] = {engine: [] for engine in engines}
        for _ in range(rounds):
            said = {}
            for engine in engines:
                if taken[engine] and taken[engine][-1] > PATIENCE:
                    continue
                seconds, said[engine] = self.ask(engine, *question)
                taken[engine].append(seconds)
            if not said:
                break
            first = next(iter(said))
            for engine in said if same else ():
                if said[engine] != said[first]:
                    raise SystemExit(f"{what}: {first} says {said[first]}, {engine} {said[engine]}")
        return taken

    def tell(self, what: str, unit: str, *question: object, rounds: int = 1, same: bool = True) -> None:
        """Ask all so many times, and print the medians."""
        taken = self.compare(what, *question, rounds=rounds, same=same)
        medians = {engine: round(statistics.median(all) * UNITS[unit], 3) for engine, all in taken.items()}
        print(json.dumps({"what": what, "unit": unit, **medians}, ensure_ascii=False), flush=True)

    def values(self, what: str, *question: object) -> None:
        """Ask all for a figure, and print it."""
        values = {engine: self.ask(engine, *question)[1] for engine in self.engines}
        print(json.dumps({"what": what, **values}), flush=True)

    def end(self) -> None:
        """Let all of them go."""
        for process in self.engines.values():
            process.stdin.close()
            process.wait()
