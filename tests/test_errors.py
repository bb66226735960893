"""How scripts end: with a sentence where the user can help, else with a traceback."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from utils import errors


def python(*words):
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("mistake", ["1 / 0", "import utils.nothing", "from utils import nothing"])
def test_a_programming_error_keeps_its_traceback(mistake):
    code = f"from utils import errors\n\ndef main():\n    {mistake}\n\nerrors.run(main)"
    done = python("-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


@pytest.mark.parametrize(
    ("script", "package"),
    [("gen_vid.py", "numpy"), ("run.py --config configs/demo.yaml", "yaml")],
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
    errors.run(lambda: None)
    for place, named in ((tmp_path, True), (sys.prefix, False), (tmp_path / "none", False)):
        monkeypatch.setattr(errors, "ENVIRONMENT", type(tmp_path)(place))
        with pytest.raises(SystemExit) as end:
            sys.excepthook(ModuleNotFoundError, ModuleNotFoundError(name="nowhere.part"), None)
        said = capsys.readouterr().err
        assert end.value.code == 2 and "package nowhere is" in said
        assert ("source .venv/bin/activate" in said) == named
