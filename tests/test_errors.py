"""How scripts end: with a sentence where the user can help, else with a traceback."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from utils import errors


def python(*words, **more):
    process = {"cwd": ROOT, "capture_output": True, "text": True, **more}
    return subprocess.run([sys.executable, *words], **process)


def interrupt(*words, at, number=signal.SIGINT):
    """Send Python a signal once its stderr tells `at`; returns (exit code, what it says then)."""
    command = [sys.executable, *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if at in line:
                process.send_signal(number)
                break
        return process.wait(30), process.stderr.read()


@pytest.mark.parametrize("catches", ["", "except BaseException as error: raise ImportError"])
def test_an_import_ends_at_ctrl_c_without_a_traceback(catches):
    code = "import sys, time; from utils import errors; errors.guard('__main__')\n"
    code += f"try:\n print('here', file=sys.stderr); time.sleep(20)\n{catches or 'finally: 1 / 0'}"
    assert interrupt("-c", code, at="here") == (130, "interrupted\n")


def test_a_script_that_is_still_importing_ends_at_ctrl_c_without_a_traceback():
    code, said = interrupt("-X", "importtime", "train_first_stage.py", at=" torch._")
    assert code == 130 and said.endswith("interrupted\n") and "Traceback" not in said


def test_work_can_clean_up_at_ctrl_c():
    code = "import sys, time; from utils import errors\ndef main():\n try:\n"
    code += "  print('here', file=sys.stderr); time.sleep(20)\n"
    code += " finally: print('clean', file=sys.stderr)\nerrors.run(main)"
    assert interrupt("-c", code, at="here") == (130, "clean\ninterrupted\n")


HOLD = """
import sys, time
from utils import errors, locks
def main():
    with locks.locked(sys.argv[1]):
        print("here", file=sys.stderr)
        time.sleep(20)
errors.run(main)
"""


def test_sigterm_leaves_no_lock(tmp_path):
    out = tmp_path / "out"
    assert interrupt("-c", HOLD, str(out), at="here", number=signal.SIGTERM) == (143, "")
    assert not out.exists()


def test_ctrl_c_that_is_ignored_stays_so():
    code = "import signal; from utils import errors; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code += "errors.run(signal.raise_signal, signal.SIGINT); signal.raise_signal(signal.SIGINT)"
    assert python("-c", code).returncode == 0


SCRIPTS = [*ROOT.glob("*.py"), *ROOT.glob("data/*.py"), *ROOT.glob("benchmarks/*.py")]


@pytest.mark.parametrize("path", [p for p in SCRIPTS if "errors.run(main)" in p.read_text()])
def test_scripts_are_guarded_before_they_import_what_is_slow_or_missing(path):
    ours = (node for node in ast.parse(path.read_text()).body if not _of_python(node))
    first, second, *_ = (ast.unparse(node) for node in ours)
    assert (first, second) == ("from utils import errors", "errors.guard(__name__)")


def _of_python(node):
    """Whether it is no import, or one of Python's own modules."""
    if isinstance(node, ast.Import):
        return all(alias.name in sys.stdlib_module_names for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.module.split(".")[0] in sys.stdlib_module_names
    return "guard" not in ast.unparse(node)


@pytest.mark.parametrize("mistake", ["1 / 0", "import utils.nothing", "from utils import nothing"])
def test_a_programming_error_keeps_its_traceback(mistake):
    code = f"from utils import errors\n\ndef main():\n    {mistake}\n\nerrors.run(main)"
    done = python("-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


def test_what_the_system_refuses_is_one_sentence(tmp_path, capsys, monkeypatch):
    """A full disk; that a file of ours is missing, is a mistake of ours."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(SystemExit) as end:
        errors.run(lambda: Path("/dev/full").write_text("x"))
    said = capsys.readouterr().err
    assert end.value.code == 2 and said.count("\n") == 1
    assert said.startswith("error: No space left on device; put that right and give the same")
    with pytest.raises(FileNotFoundError):
        errors.run((tmp_path / "missing").read_bytes)


@pytest.mark.parametrize(
    ("script", "package"),
    [("gen_vid.py", "tqdm"), ("run.py --config configs/demo.yaml", "yaml")],
)
def test_a_package_that_is_missing_is_one_sentence(script, package):
    """By an import of the script itself, and by one within its work; -S hides what is installed."""
    done = python("-S", *script.split())
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: the package {package} is not installed for ")
    assert done.stderr.endswith("pip install -r requirements.txt\n")
    assert done.stderr.count("\n") == 1 and not done.stdout


def test_an_environment_that_was_made_is_named_where_another_python_runs(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    errors.run(lambda: None)
    for place, named in ((tmp_path, True), (sys.prefix, False), (tmp_path / "none", False)):
        monkeypatch.setattr(errors, "ENVIRONMENT", type(tmp_path)(place))
        with pytest.raises(SystemExit) as end:
            sys.excepthook(ModuleNotFoundError, ModuleNotFoundError(name="nowhere.part"), None)
        said = capsys.readouterr().err
        assert end.value.code == 2 and "package nowhere is" in said
        assert ("source .venv/bin/activate" in said) == named


def test_a_name_is_printed_by_whatever_letters_there_are():
    code = "from utils import errors; errors.run(print, 'cat, 狐')"
    done = python("-c", code, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "cat, \\u72d0\n")


def test_a_sentence_stays_short_and_keeps_its_end():
    text = str(errors.UserError(f"begin {'x' * 10_000} end"))
    assert text.startswith("begin") and text.endswith("end") and len(text) < 1000
