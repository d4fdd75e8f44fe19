"""Records what the real CuPy offers: `python tests/standin/record.py`, where cupy is installed. No GPU is needed.

Names and signatures go to manifest.json, the version with them. A default is written as `...`: that there is one is
what a call depends on. Shares no code with the stand-in, which reads what is written here.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).with_name("manifest.json")
SPACES = ["", "linalg", "lib", "lib.stride_tricks", "random", "cuda", "cuda.runtime"]  # "" is cupy itself
CLASSES = ["ndarray", "ufunc", "random.Generator", "cuda.Device", "cuda.Event", "cuda.Stream"]


def recorded() -> dict[str, Any]:
    """{"version": …, "names": {dotted name: signature, or null for what is not called}}."""
    import cupy

    names: dict[str, str | None] = dict.fromkeys(CLASSES)  # some are found only when asked for
    for space in [*SPACES, *CLASSES]:
        owner = _find(cupy, space)
        for name in dir(owner):
            if not name.startswith("_") and type(getattr(owner, name)) is not int:  # CUDA's enumerations
                names[f"{space}.{name}".lstrip(".")] = _signature(getattr(owner, name), is_method=space in CLASSES)
    return {"version": cupy.__version__, "names": dict(sorted(names.items()))}


def _find(root: Any, dotted: str) -> Any:
    for name in filter(None, dotted.split(".")):
        root = getattr(root, name)
    return root


def _signature(thing: Any, is_method: bool) -> str | None:
    """As text, without self; None for constants, types, modules and plain attributes."""
    if not callable(thing) or isinstance(thing, type):
        return None
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except ValueError:  # a ufunc, or compiled: its first line of documentation says it
        return _documented(thing.__doc__ or "", is_method)
    if is_method and parameters and parameters[0].name == "self":
        del parameters[0]
    plain = [p.replace(annotation=p.empty, default=p.default if p.default is p.empty else ...) for p in parameters]
    return str(inspect.Signature(plain)).replace("Ellipsis", "...")


def _documented(doc: str, is_method: bool) -> str:
    """`_ndarray_base.sort(self, int axis=-1, kind=None) -> …` becomes `(axis=..., kind=...)`."""
    inside = re.match(r"[\w.]*\((.*?)\)(?: ->|$)", doc.strip().split("\n")[0].replace("\\*", "*"))
    if inside is None:
        return "(*args, **kwargs)"  # says nothing of itself
    parts = [part.strip() for part in inside[1].split(",")]
    if is_method and parts[0] == "self":
        del parts[0]
    return f"({', '.join(re.sub('=.*', '=...', part.split(' ')[-1]) for part in parts)})"


if __name__ == "__main__":
    MANIFEST.write_text(json.dumps(recorded(), indent=0) + "\n")
    print(MANIFEST)
