"""What `make install` puts where, and that programs link with it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from compiling import Library, run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VERSION = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="names and tools of Linux")


# What the tests have built already.
BUILT = ["PROFILE=dev", "INSTALL_BUILD=build --lib --examples"]


def make_install(*arguments: str) -> str:
    return make("install", *arguments)


def make(*arguments: str) -> str:
    # The variables of the `make` that runs these tests are not for this one; the target folder's is in both.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    command = ["make", "--no-print-directory", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def installed(prefix: Path) -> set[str]:
    return {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}


@LINUX
def test_the_shared_library_exports_what_the_header_declares_and_nothing_else(library):
    names = subprocess.run(
        ["nm", "-D", "--defined-only", library.prefix / "lib/libtillroll.so"],
        capture_output=True,
        text=True,
        check=True,
    )
    exported = {line.split()[-1] for line in names.stdout.splitlines()}
    assert exported == library.declared


@LINUX
def test_the_loader_finds_the_library_by_its_name(library):
    lib = library.prefix / "lib"
    dynamic = subprocess.run(
        ["readelf", "-d", lib / "libtillroll.so"], capture_output=True, text=True, check=True
    )
    name = re.search(r"soname: \[(.*)\]", dynamic.stdout)[1]
    assert (lib / name).resolve() == (lib / "libtillroll.so").resolve() == lib / f"libtillroll.so.{VERSION}"


@LINUX
def test_destdir_stages_what_prefix_names(tmp_path):
    make_install(*BUILT, f"DESTDIR={tmp_path}", "PREFIX=/opt/tillroll")
    staged = installed(tmp_path / "opt/tillroll")
    compatible = ".".join(VERSION.split(".")[: 2 if VERSION.startswith("0.") else 1])
    shared = {f"lib/libtillroll.so{suffix}" for suffix in ("", f".{compatible}", f".{VERSION}")}
    headers = {"include/tillroll.h", "include/tillroll.hpp"}
    cmake = {f"lib/cmake/tillroll/tillroll-config{suffix}.cmake" for suffix in ("", "-version")}
    assert staged == {*headers, "lib/libtillroll.a", "lib/pkgconfig/tillroll.pc", *cmake, *shared}
    for name in cmake:
        assert not re.findall(r"@[A-Z_]+@", (tmp_path / "opt/tillroll" / name).read_text())
    description = (tmp_path / "opt/tillroll/lib/pkgconfig/tillroll.pc").read_text()
    assert "prefix=/opt/tillroll\n" in description
    assert str(tmp_path) not in description
    assert f"Version: {VERSION}\n" in description


def test_installing_needs_no_python():
    plan = make_install(*BUILT, "--dry-run")
    assert "cargo build" in plan
    assert "/usr/local/lib" in plan
    assert "python" not in plan
    assert ".venv" not in plan


def test_the_default_is_what_ships():
    plan = make_install("--dry-run")
    assert "rustc --package tillroll-ffi --lib --crate-type cdylib,staticlib" in plan
    assert "--profile release" in plan
    assert "/release/libtillroll.a" in plan


@LINUX
def test_another_target_folder_is_honoured(tmp_path):
    # A link to the present one, so that nothing is compiled again.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.symlink_to(Path(os.environ["TILLROLL_PREFIX"]).parents[1])
    plan = make_install(*BUILT, f"CARGO_TARGET_DIR={elsewhere}", f"PREFIX={tmp_path / 'prefix'}")
    assert f"{elsewhere}/debug/libtillroll.a" in plan
    assert (tmp_path / "prefix/lib/libtillroll.a").stat().st_size > 1_000_000


@LINUX
def test_the_static_library_links_with_what_pkg_config_says(library, tmp_path):
    shutil.copy(library.prefix / "lib/libtillroll.a", tmp_path)
    flags = library.flags("--static", f"--define-variable=libdir={tmp_path}", "--cflags", "--libs")
    program = library.compile(tmp_path / "program", [HERE / "streams.c"], flags=flags)
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run([program, work], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    needed = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
    assert "libtillroll" not in needed


def test_both_pkg_configs_say_the_same(library):
    """The one of PyPI stands in on machines without one."""
    of_pypi = library.flags("--cflags", "--libs", tool=[sys.executable, "-m", "pkgconf"])
    assert f"-I{library.prefix}/include" in of_pypi
    assert "-ltillroll" in of_pypi
    assert of_pypi == library.flags("--cflags", "--libs")


@LINUX
def test_an_archive_serves_wherever_it_is_unpacked(tmp_path):
    make("dist-c", *BUILT, f"DIST={tmp_path}")
    (archive,) = tmp_path.glob(f"tillroll-{VERSION}-linux-*.tar.gz")
    listed = run(["tar", "--list", "--verbose", "--numeric-owner", "--file", archive]).splitlines()
    assert {line.split()[1] for line in listed} == {"0/0"}
    run(["tar", "--extract", "--no-same-owner", "--file", archive, "--directory", tmp_path])
    unpacked = Library(tmp_path / archive.name.removesuffix(".tar.gz"))
    texts = ("README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "include/tillroll.hpp")
    assert set(texts) <= installed(unpacked.prefix)
    assert str(ROOT) not in (unpacked.prefix / "lib/pkgconfig/tillroll.pc").read_text()
    program = unpacked.compile(tmp_path / "import", [unpacked.prefix / "examples/import.c"])
    done = subprocess.run([program], env=unpacked.environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.split()[0]) == (2, "usage:")
