"""The three lists of dependencies agree, and the repository keeps its own rules."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(repository: Path) -> dict[str, Requirement]:
    table = project(repository)
    lines = [*table["dependencies"], *(line for extra in table["optional-dependencies"].values() for line in extra)]
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


def locked(repository: Path) -> dict[str, set[Version]]:
    pins: dict[str, set[Version]] = {}
    for name, version in re.findall(
        r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (repository / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE
    ):
        pins.setdefault(canonicalize_name(name), set()).add(Version(version))
    return pins


def test_every_requirement_is_locked_within_its_range(repository: Path) -> None:
    pins = locked(repository)
    for name, requirement in requirements(repository).items():
        assert name in pins, f"{name} is not in requirements.lock: run make lock"
        assert all(version in requirement.specifier for version in pins[name]), f"{name}: run make lock"


def test_every_pin_has_hashes_and_no_address(repository: Path) -> None:
    text = (repository / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in block, block


def test_conda_environment_has_the_ranges_of_pyproject(repository: Path) -> None:
    environment = yaml.safe_load((repository / "environment.yml").read_text(encoding="utf-8"))
    conda = [line for line in environment["dependencies"] if isinstance(line, str) and line != "pip"]
    ranges = {canonicalize_name(r.name): r.specifier for r in map(Requirement, conda)}
    assert str(ranges.pop("python")) == project(repository)["requires-python"]
    known = requirements(repository)
    assert {name: known[name].specifier for name in ranges} == ranges
    assert {"jupyterlab", "pandas", "matplotlib", "seaborn", "papermill", "nbval"} <= set(ranges)
    pip = next(line["pip"] for line in environment["dependencies"] if isinstance(line, dict))
    assert pip == ["--editable ."]


def test_no_gpl_and_no_dead_package_is_used(repository: Path) -> None:
    assert not {"abcanalysis", "abc-analysis", "lifetimes"} & set(locked(repository))


def test_import_directions_hold(repository: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
