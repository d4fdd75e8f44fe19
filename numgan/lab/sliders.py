"""A picture with sliders, as HTML for a notebook or a page: it needs neither a kernel nor a network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from itertools import product

from matplotlib.figure import Figure
from PIL import Image


def sliders(
    figure: Figure, draw: Callable[..., None], stops: Mapping[str, Sequence[float]], dpi: int = 60, ms: int = 300
) -> str:
    """A picture with a slider for each name in `stops`, and a button that plays the first, as HTML for a notebook.

    draw(*values) draws on the empty figure, once for each combination of values; all the pictures are in the HTML. With
    one slider for the step of a run it is a film. A picture has 32 colours: draw a surface in few levels.
    """
    frames: list[str] = []
    for chosen in product(*stops.values()):
        figure.clear()
        draw(*chosen)
        hidden = ";display:none" if frames else ""
        alt = ", ".join(f"{name} = {value:g}" for name, value in zip(stops, chosen, strict=True))
        source = f"data:image/png;base64,{_small_png(figure, dpi)}"
        frames.append(f'<img style="max-width:100%{hidden}" alt="{alt}" src="{source}">')
    inputs = [
        f'<label>{name} <input type="range" min="0" max="{len(values) - 1}" value="0" step="1" oninput="{_MOVED}"'
        f' data-stops="{" ".join(f"{value:g}" for value in values)}"> <output>{values[0]:g}</output></label>'
        for name, values in stops.items()
    ]
    button = f'<button type="button" onclick="{_PLAYED.replace("MS", str(ms))}">▶</button>'
    return f'<figure style="margin:0">{"".join(frames)}<div>{button} {" &nbsp; ".join(inputs)}</div></figure>'


_MOVED = (
    "const f = this.closest('figure'); let n = 0; "
    "this.nextElementSibling.value = this.dataset.stops.split(' ')[this.value]; "
    "f.querySelectorAll('input').forEach(r => n = n * (+r.max + 1) + +r.value); "
    "f.querySelectorAll('img').forEach((p, i) => p.style.display = i === n ? '' : 'none')"
)
_PLAYED = (
    "const f = this.closest('figure'), r = f.querySelector('input'), go = !f.timer; "
    "clearInterval(f.timer); f.timer = 0; this.textContent = go ? '❚❚' : '▶'; "
    "if (go) f.timer = setInterval(() => { if (!f.isConnected) return clearInterval(f.timer); "
    "r.value = (+r.value + 1) % (+r.max + 1); r.oninput() }, MS)"
)


def _small_png(figure: Figure, dpi: int, colors: int = 32) -> str:
    """In base64, with a palette: a third of the bytes."""
    raw, small = BytesIO(), BytesIO()
    figure.savefig(raw, format="png", dpi=dpi)
    picture = Image.open(raw).convert("RGB")
    # kmeans: each of the colours chosen becomes the mean of those it stands for, or a pale one could turn grey
    picture = picture.quantize(colors, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    picture.save(small, "png", optimize=True)
    return b64encode(small.getvalue()).decode("ascii")
