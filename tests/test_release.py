"""What a release holds: a wheel and a source distribution, built from a copy of the tree, installed and run."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
build = pytest.importorskip("setuptools.build_meta", reason="setuptools builds the releases: pip install setuptools")
WEIGHTS = {"numgan/classifier/digits_classifier.npz", "numgan/classifier/CLASSIFIER.md"}
DATA = {"numgan/data/digits.npz", "numgan/data/digits_test.npz", "numgan/data/DIGITS.md", "numgan/py.typed"} | WEIGHTS
CODE = {path.relative_to(ROOT).as_posix() for path in (ROOT / "numgan").rglob("*.py")}


def python(*arguments, **how):
    return subprocess.run([sys.executable, *map(str, arguments)], check=True, capture_output=True, text=True, **how)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a wheel and a source distribution."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "numgan", copy / "numgan", ignore=shutil.ignore_patterns("__pycache__"))
    for kind in ("wheel", "sdist"):
        python("-c", f"from setuptools import build_meta as b; b.build_{kind}({str(out)!r})", cwd=copy)
    return out


def test_the_wheel_holds_the_package_and_nothing_else(made):
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
        entry = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("entry_points.txt"))
    packaged = {name for name in names if name.endswith(".html")}  # pages that the lab fills in
    assert names - packaged == CODE | DATA
    assert "numgan = numgan.app.cli:main" in entry
    assert "Requires-Python: >=3.10" in metadata
    needed = {line.split()[1] for line in metadata.splitlines() if line.startswith("Requires-Dist") and ";" not in line}
    assert {name.split(">")[0] for name in needed} == {"numpy", "matplotlib", "tqdm", "threadpoolctl", "filelock"}


def test_the_source_distribution_can_be_built_from(made, tmp_path):
    (sdist,) = made.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert CODE | DATA | {"setup.cfg", "pyproject.toml", "README.md", "LICENSE"} <= names


def test_the_installed_wheel_trains(made, tmp_path):
    (wheel,) = made.glob("*.whl")
    python("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", tmp_path / "site", wheel)
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    where = python("-c", "import numgan; print(numgan.__file__)", env=env, cwd=tmp_path).stdout
    assert str(tmp_path / "site") in where
    line = ("-m", "numgan", "train", "--steps", "2", "--out", tmp_path / "r")  # on the embedded digits
    assert "trained images on digits" in python(*line, env=env, cwd=tmp_path).stdout
