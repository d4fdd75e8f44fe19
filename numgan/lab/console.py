"""The gallery for a terminal, as lines of text: what there is, and what happens when it is run."""

from __future__ import annotations

from collections.abc import Iterator

from numgan import metrics
from numgan.errors import DivergedError, lookup
from numgan.lab.gallery import GALLERY
from numgan.lab.health import health
from numgan.lab.setup import Setup
from numgan.training import Training

LINES = 5


def listing() -> Iterator[str]:
    """Every recipe, its story, and its cures."""
    for name, recipe in GALLERY.items():
        yield f"{name}: {recipe.story}"
        yield f"    cures: {', '.join(recipe.cures)}"


def setups(name: str, cure: str | None = None) -> dict[str, Setup]:
    """By title: the failing run and each of its cures, or the one cure that is asked for ("none": the failing run)."""
    recipe = lookup("recipe", name, GALLERY)
    titles = {"none": recipe.setup, **recipe.cures}
    return titles if cure is None else {cure: lookup("cure", cure, titles)}


def watch(run: Training, steps: int) -> Iterator[str]:
    """Trains, and says at a few even steps how it goes."""
    try:
        for record in run.steps(steps, every=max(1, steps // LINES)):
            yield f"  step {record.step:>5}  D(x) {record.D_x:.2f}  D(G(z)) {record.D_Gz:.2f}  {health(run)}"
    except DivergedError as error:
        yield f"  diverging: {error}"
        return
    if run.data.centres is not None and run.data.std is not None:
        found = metrics.mode_coverage(run.sample(2500), run.data.centres, run.data.std)
        yield (
            f"  {found.modes} of {len(run.data.centres)} modes, {found.quality:.0%} of high quality, "
            f"reverse KL {found.reverse_kl:.2f}"
        )
