"""Every program of this folder, in both languages, and under Valgrind where there is one."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAMS = ["versions", "open", "records", "import", "streams", "reports"]
NO_CPP = shutil.which(os.environ.get("CXX", "c++")) is None
WITHOUT_CPP = pytest.mark.skipif(NO_CPP, reason="there is no C++ compiler on this machine")
LANGUAGES = ["c99", pytest.param("c++17", marks=WITHOUT_CPP)]
NO_VALGRIND = shutil.which("valgrind") is None
MEMCHECK = [
    "valgrind",
    "--quiet",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect,possible",
    "--errors-for-leak-kinds=definite,indirect,possible",
    f"--suppressions={HERE / 'valgrind.supp'}",
    "--gen-suppressions=all",
    "--error-exitcode=99",
]


def sources(program: str) -> list[Path]:
    second = HERE / f"{program}_again.c"
    return [HERE / f"{program}.c", *([second] if second.exists() else [])]


@pytest.fixture(scope="module")
def compiled(library, tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")

    def compile(which):
        program, language = which
        return which, library.compile(folder / f"{program}-{language}", sources(program), language)

    languages = ["c99", *([] if NO_CPP else ["c++17"])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(compile, [(program, one) for program in PROGRAMS for one in languages]))


def ran(command, library, folder) -> subprocess.CompletedProcess:
    folder.mkdir()
    command = [*command, folder]
    return subprocess.run(command, env=library.environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program, language, compiled, library, tmp_path):
    done = ran([compiled[program, language]], library, tmp_path / "work")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def checked(compiled, library, tmp_path_factory):
    """All programs under Valgrind at once: it runs a program on one processor."""
    folder = tmp_path_factory.mktemp("memcheck")

    def check(program):
        return program, ran([*MEMCHECK, compiled[program, "c99"]], library, folder / program)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(check, PROGRAMS))


@pytest.mark.skipif(NO_VALGRIND, reason="there is no valgrind on this machine")
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_leaks_nothing_and_reads_nothing_wrong(program, checked):
    assert checked[program].returncode == 0, checked[program].stderr


def test_every_program_is_run():
    written = {path.stem for path in HERE.glob("*.c") if not path.stem.endswith("_again")}
    assert written == {*PROGRAMS, "calls", "exchange"}
