"""The plan of the house: which folder may import which, and what only scripts may touch."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "utils": set(),
    "models": {"utils"},
    "losses": {"utils"},
    "datasets": {"utils"},
    "synthetic": {"utils"},
    "segmentation": {"utils"},
    "video": {"utils"},
    "finishing": {"utils"},
    "exemplars": {"utils"},
    "metrics": {"exemplars", "utils"},
    "report": {"utils", "video"},
    "engine": {"datasets", "exemplars", "models", "utils"},
    "server": {"utils"},
    "editing": {"finishing", "server", "utils"},
    "many": {"utils"},
    "preparation": {"datasets", "segmentation", "server", "utils", "video"},
}
NARROW = {  # of utils, networks and losses see only these
    "models": {"errors", "geometry", "parallel", "reading"},
    "losses": {"errors", "geometry", "parallel"},
}
FOR_RUNS = {"options", "option_tables", "runtime"}  # of utils, what only scripts and engine touch


def imported(path):
    """Pairs (folder, module) of every import of the project in a file, at its head or within."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            folder, _, module = node.module.partition(".")
            yield from [(folder, module)] if module else [(folder, a.name) for a in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                folder, _, module = alias.name.partition(".")
                yield folder, module


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_run_down(folder):
    files = list((ROOT / folder).glob("**/*.py"))
    assert files, f"{folder}/ holds no code"
    scripts = {path.stem for path in ROOT.glob("*.py")}
    for path in files:
        for other, module in imported(path):
            where = f"{path.relative_to(ROOT)} imports {other}.{module}"
            assert other not in scripts, where
            if other not in MAY_IMPORT or other == folder:
                continue
            assert other in MAY_IMPORT[folder], where
            name = module.split(".")[0]
            if other == "utils":
                assert name in NARROW.get(folder, {name}), where
                assert folder == "engine" or name not in FOR_RUNS, where


def test_every_folder_of_code_has_its_place_in_the_plan():
    folders = {path.parent.name for path in ROOT.glob("*/*.py")}
    assert folders - {"tests", "benchmarks", "data"} == set(MAY_IMPORT)


def test_nothing_measures_time_by_a_clock_that_may_jump():
    for path in ROOT.glob("**/*.py"):
        if not {"tests", "benchmarks", ".venv"} & set(path.relative_to(ROOT).parts):
            assert "time.time(" not in path.read_text(), path


def test_scripts_import_no_other_script():
    scripts = {path.stem for path in ROOT.glob("*.py")}
    for path in ROOT.glob("*.py"):
        assert not scripts & {folder for folder, _ in imported(path)}, path.name
