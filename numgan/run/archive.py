"""A checkpoint is a few vectors and a JSON description in one .npz, written so that it is either whole or not there."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from typing import Any

import numpy as np

from numgan import layers, losses, optim, penalty, schedules
from numgan.errors import InputError
from numgan.network import Network
from numgan.run.output import atomic

FORMAT = "numgan-1"

# Only these are ever built from a file: a checkpoint holds names and numbers, never code.
KNOWN: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        *layers.ALL,
        *map(type, losses.BY_NAME.values()),
        *optim.BY_NAME.values(),
        *penalty.BY_NAME.values(),
        *schedules.ALL,
    )
}


def describe(thing: Any) -> Any:
    """`thing` in plain JSON values. What the package does not know becomes its name alone, which `build` refuses."""
    if isinstance(thing, Network):
        return {"type": "Network", "layers": describe(thing.layers), "dtype": thing.theta.dtype.name}
    if KNOWN.get(type(thing).__name__) is type(thing):
        fields = [f.name for f in dataclasses.fields(thing) if f.init]
        return {"type": type(thing).__name__} | {name: describe(getattr(thing, name)) for name in fields}
    if isinstance(thing, list | tuple):
        return [describe(item) for item in thing]
    if isinstance(thing, np.integer | np.floating):
        return thing.item()
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    return {"type": f"{type(thing).__module__}.{type(thing).__qualname__}", "foreign": True}


def build(description: Any) -> Any:
    """The thing that `describe` described, with first values in place of its weights."""
    if isinstance(description, list):
        return [build(item) for item in description]
    if not isinstance(description, dict):
        return description
    fields = {name: build(value) for name, value in description.items() if name != "type"}
    if description["type"] == "Network":
        return Network(**fields)
    if description["type"] not in KNOWN:
        raise InputError(f"the checkpoint holds a {description['type']}, which is not one of numgan's: pass it to load")
    return KNOWN[description["type"]](**fields)


def write(path: str | os.PathLike[str], vectors: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Writes host arrays and a description to `path`, or leaves what was there."""
    text = json.dumps({"format": FORMAT, **about})
    with atomic(path) as file:
        np.savez(file, about=np.array(text), **vectors)  # type: ignore[arg-type]


def read(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The vectors and the description in `path`. InputError where it is not a whole checkpoint of ours."""
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            vectors = {name: file[name] for name in file.files}
        about = json.loads(str(vectors.pop("about")))
        if about["format"] != FORMAT:
            raise InputError(f"{path} has the format {about['format']!r}, not {FORMAT!r}: use the version it is from")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give a checkpoint.npz, or a folder that numgan train wrote") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except InputError:
        raise
    except (ValueError, KeyError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a numgan checkpoint, or is cut short: use another") from error
    return vectors, about
