"""The C and the C++ of docs/guide.md are compiled and run, in the frames that it shows."""

import subprocess

from compiling import WITH_CPP
from guide import TASKS, framed, is_part, write_reports

STANDARDS = {"c": "c99", "cpp": "c++17"}


@WITH_CPP
def test_the_c_and_cpp_of_the_guide_print_what_it_says(library, tmp_path):
    write_reports(tmp_path)
    for number, task in enumerate(TASKS, 1):
        language, code = task.snippet("c", "cpp")
        source = tmp_path / f"task_{number}.{language}"
        source.write_text(framed(language, code), encoding="utf-8")
        program = library.compile(tmp_path / f"task_{number}", [source], STANDARDS[language])
        ran = subprocess.run([program], cwd=tmp_path, env=library.environment, capture_output=True, text=True)
        assert ran.returncode == 0, f"{task.name}:\n{ran.stderr}"
        # Where an answer is JSON, it is not taken apart to be printed.
        assert is_part(ran.stdout.splitlines(), task.printed), f"{task.name}:\n{ran.stdout}"
        prints = any(word in code for word in ("<<", "printf", "puts"))
        assert bool(ran.stdout) == prints, task.name
    # The last one has stored a passphrase and its copies: all of the guide was done.
    assert (tmp_path / "again.till").is_dir()
