"""Every program of this folder, in each of its languages, under Valgrind, and with sanitizers."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from compiling import MEMCHECK, NO_CPP, SANITIZED, WITH_CPP, WITH_VALGRIND, run

HERE = Path(__file__).parent
PROGRAMS = ["versions", "open", "records", "lookup", "import", "streams", "reports", "sync", "forks"]
CPP_PROGRAMS = ["wrapper"]
# Each program in each language that it is written in; the first one is that of the checkers.
BOTH = [(program, language) for program in PROGRAMS for language in ("c99", "c++17")]
CASES = [*BOTH, *((program, language) for program in CPP_PROGRAMS for language in ("c++17", "c++20"))]
CHECKED = [*((program, "c99") for program in PROGRAMS), *((program, "c++17") for program in CPP_PROGRAMS)]


def parameters(cases):
    marked = [
        pytest.param(case, marks=[] if case[1] == "c99" else WITH_CPP, id="-".join(case)) for case in cases
    ]
    return pytest.mark.parametrize("case", marked)


def sources(program: str) -> list[Path]:
    if program in CPP_PROGRAMS:
        return [HERE / f"{program}.cpp"]
    second = HERE / f"{program}_again.c"
    return [HERE / f"{program}.c", *([second] if second.exists() else [])]


def at_once(work, cases) -> dict:
    """What `work` gives for each case, as many of them at a time as there are processors."""
    cases = [case for case in cases if case[1] == "c99" or not NO_CPP]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(cases, pool.map(work, cases), strict=True))


def compiled_with(library, folder, cases, more=()) -> dict:
    def compile(case):
        return library.compile(folder / "-".join(case), sources(case[0]), case[1], more=more)

    return at_once(compile, cases)


def ran(command, library, folder) -> subprocess.CompletedProcess:
    folder.mkdir()
    command = [*command, folder]
    return subprocess.run(command, env=library.environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def compiled(library, tmp_path_factory):
    return compiled_with(library, tmp_path_factory.mktemp("programs"), CASES)


@parameters(CASES)
def test_program(case, compiled, library, tmp_path):
    done = ran([compiled[case]], library, tmp_path / "work")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def checked(compiled, library, tmp_path_factory):
    """All programs under Valgrind at once: it runs a program on one processor."""
    folder = tmp_path_factory.mktemp("memcheck")
    return at_once(lambda case: ran([*MEMCHECK, compiled[case]], library, folder / case[0]), CHECKED)


@WITH_VALGRIND
@parameters(CHECKED)
def test_program_leaks_nothing_and_reads_nothing_wrong(case, checked):
    assert checked[case].returncode == 0, checked[case].stderr


@pytest.fixture(scope="module")
def sanitized(library, can_sanitize, tmp_path_factory):
    if not can_sanitize:
        pytest.skip(reason="the compilers of this machine have no AddressSanitizer")
    programs = compiled_with(library, tmp_path_factory.mktemp("sanitized"), CHECKED, SANITIZED)
    folder = tmp_path_factory.mktemp("sanitizing")
    return at_once(lambda case: ran([programs[case]], library, folder / case[0]), CHECKED)


@parameters(CHECKED)
def test_program_does_nothing_undefined(case, sanitized):
    assert sanitized[case].returncode == 0, sanitized[case].stderr


def called(programs) -> set[str]:
    """The functions of the library that programs call, as the linker sees them."""
    names = run(["nm", "--undefined-only", "--format=posix", *programs]).splitlines()
    return {line.split()[0] for line in names if line.startswith("tillroll_")}


def test_every_function_of_the_header_is_called_in_c(compiled, library):
    assert called(program for case, program in compiled.items() if case[1] == "c99") == library.declared


@WITH_CPP
def test_every_function_of_the_header_is_called_in_cpp(compiled, library):
    assert called(compiled[program, "c++17"] for program in CPP_PROGRAMS) == library.declared


def test_every_program_is_run():
    written = {path.stem for suffix in ("*.c", "*.cpp") for path in HERE.glob(suffix)}
    assert {name for name in written if not name.endswith("_again")} == {
        *PROGRAMS,
        *CPP_PROGRAMS,
        "calls",
        "exchange",
    }
