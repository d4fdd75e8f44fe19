"""The board in a notebook: buttons and fields of ipywidgets around `live.Board`, redrawn as it trains."""

from __future__ import annotations

import asyncio
import io
import time
from types import ModuleType
from typing import Any

import numpy as np

from numgan.errors import DivergedError, InputError
from numgan.lab import plots
from numgan.lab.choice import DATA, LOSSES, PENALTIES, Point
from numgan.lab.health import health
from numgan.lab.live import Board

SECONDS = 0.4  # of training between two pictures
LATTICE = np.linspace(-2, 2, 9)  # of points that can be clicked into the plane
SELECTED = "primary"  # a colour of ipywidgets
PICTURE_DPI = 90


def need_ipywidgets() -> ModuleType:
    """ipywidgets; InputError where it is not installed."""
    try:
        import ipywidgets
    except ImportError as error:
        raise InputError("the board needs ipywidgets: pip install ipywidgets, or numgan's extra 'notebooks'") from error
    return ipywidgets


class Panel:
    """A Board with its widgets: `whole` is what a notebook displays. Settings take effect as they are changed."""

    def __init__(self, board: Board) -> None:
        self.board, self._w = board, need_ipywidgets()
        self.task: asyncio.Task[None] | None = None
        w = self._w
        self.picture = w.Image(format="png", layout={"max_width": "100%"})
        self.code = w.Textarea(rows=14, disabled=True, layout={"width": "100%"})
        self.says = w.HTML()
        self.fields = self._fields()
        self.points = w.Textarea(description="points", rows=6, placeholder="x₁ x₂, a point a line")
        self.points.value = "\n".join(map(_text, board.choice.points))
        self.lattice = self._lattice()
        self.play = self._button("Play", self._play_or_pause)
        self.buttons = {
            "D": self._button("one step of D", lambda: self._act(board.step_D)),
            "G": self._button("one step of G", lambda: self._act(board.step_G)),
            "start": self._button("back to the start", lambda: self._act(board.reset)),
        }
        self.whole = self._put_together()
        for name, field in self.fields.items():
            field.observe(lambda change, name=name: self._set(name, change["new"]), "value")
        self.points.observe(lambda change: self._set_points(), "value")
        self.show()

    def show(self) -> None:
        """Draws the run as it is now, and the code that made it."""
        board, file = self.board, io.BytesIO()
        of = len(board.run.data.centres) if board.run.data.centres is not None else 1
        figure = plots.live(board.seen, board.optimal(), board.modes, of)
        figure.savefig(file, format="png", dpi=PICTURE_DPI)
        self.picture.value, self.code.value = file.getvalue(), board.code
        with np.errstate(all="ignore"):
            self.tell(f"step {board.step}, seed {board.choice.seed}. {health(board.run)}")

    def tell(self, text: str) -> None:
        self.says.value = text.replace("&", "&amp;").replace("<", "&lt;")

    def once(self) -> None:
        """Trains for SECONDS, and looks. InputError or DivergedError as the run raises them."""
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            self.board.play(5)
        self.board.look()
        self.show()

    async def _go_on(self) -> None:
        """Until it is paused. Between two pictures the kernel hears what was clicked."""
        try:
            while True:
                self.once()
                await asyncio.sleep(0.02)
        except DivergedError as error:
            self._paused()
            self.tell(f"diverging: {error}")

    def _play_or_pause(self) -> None:
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._go_on())
            self.play.description = "Pause"
        else:
            self.task.cancel()
            self._paused()

    def _paused(self) -> None:
        self.task, self.play.description = None, "Play"

    def _act(self, action: Any) -> None:
        """One of the buttons: act, look, draw. What cannot be done is said in a line."""
        try:
            action()
            self.board.look()
            self.show()
        except (InputError, DivergedError) as error:
            self.tell(f"not possible: {error}")

    def _set(self, name: str, value: Any) -> None:
        """A field was changed; where that cannot be, it goes back."""
        if value == getattr(self.board.choice, name):
            return
        self._act(lambda: self.board.change(**{name: value}))
        if name in self.fields:
            self.fields[name].value = getattr(self.board.choice, name)

    def _set_points(self) -> None:
        """What stands in the text, once it can be read; shown in the lattice too."""
        points = tuple(map(_point, self._written()))
        if None in points:
            self.tell("not possible: a point is two numbers, x₁ and x₂, a point a line")
            return
        for at, button in self.lattice.items():
            button.value = at in points
        if points and points != self.board.choice.points:
            self._set("points", points)

    def _clicked(self, at: tuple[float, float], there: bool) -> None:
        """A point of the lattice was switched on or off."""
        self.lattice[at].button_style = SELECTED if there else ""
        lines = self._written()
        others = [line for line in lines if _point(line) != at]
        if there != (len(others) < len(lines)):
            self.points.value = "\n".join([*lines, _text(at)] if there else others)

    def _written(self) -> list[str]:
        """The lines of the text that are not empty."""
        return [line for line in self.points.value.splitlines() if line.strip()]

    # The widgets

    def _button(self, text: str, action: Any) -> Any:
        button = self._w.Button(description=text)
        button.on_click(lambda _: action())
        return button

    def _fields(self) -> dict[str, Any]:
        """By the name of the setting."""
        w, c = self._w, self.board.choice
        names: dict[str, Any] = {"data": DATA, "loss": LOSSES, "penalty": PENALTIES}
        rates = {"weight": (-3, 2), "lr_g": (-5, -1), "lr_d": (-5, -1)}  # powers of ten
        whole = {"k": (1, 10), "pack": (1, 8), "batch": (8, 512), "layers_g": (1, 4), "width_g": (1, 256)}
        whole |= {"layers_d": (1, 4), "width_d": (1, 256), "n_z": (1, 32), "seed": (0, 10**6)}
        lists = {n: w.Dropdown(options=[*t], value=getattr(c, n), description=n) for n, t in names.items()}
        slides = {
            n: w.FloatLogSlider(
                value=getattr(c, n), min=low, max=high, step=0.25, description=n, readout_format=".1e",
                continuous_update=False,
            )
            for n, (low, high) in rates.items()
        }  # fmt: skip
        counts = {
            n: w.BoundedIntText(value=getattr(c, n), min=low, max=high, description=n, continuous_update=False)
            for n, (low, high) in whole.items()
        }
        return lists | slides | counts

    def _lattice(self) -> dict[tuple[float, float], Any]:
        """Buttons at places of the plane, x₂ upwards."""
        buttons = {}
        for y in LATTICE[::-1]:
            for x in LATTICE:
                at = (float(x), float(y))
                button = self._w.ToggleButton(
                    value=at in self.board.choice.points,
                    button_style=SELECTED if at in self.board.choice.points else "",
                    tooltip=f"{x:g} {y:g}",
                    layout={"width": "22px", "height": "22px", "padding": "0", "margin": "0"},
                )
                button.observe(lambda change, at=at: self._clicked(at, change["new"]), "value")
                buttons[at] = button
        return buttons

    def _put_together(self) -> Any:
        w, f = self._w, self.fields
        plane = w.GridBox([*self.lattice.values()], layout={"grid_template_columns": f"repeat({len(LATTICE)}, 23px)"})
        how = w.HTML("points of one's own, for data = points: click them into the plane (−2 to 2), or write them")
        own = w.VBox([how, w.HBox([plane, self.points])])
        columns = [
            w.VBox([f[name] for name in names])
            for names in (
                ("data", "loss", "penalty", "weight", "k"),
                ("lr_g", "lr_d", "batch", "pack", "seed"),
                ("layers_g", "width_g", "layers_d", "width_d", "n_z"),
            )
        ]
        flow = {"flex_flow": "row wrap"}
        code = w.VBox([w.HTML("the same as a program:"), self.code], layout={"flex": "1 1 480px"})
        return w.VBox(
            [
                w.Box([self.play, *self.buttons.values(), self.says], layout=flow),
                self.picture,
                w.Box(columns, layout=flow),
                w.Box([own, code], layout=flow),
            ]
        )


def _text(point: Point) -> str:
    """Such as "0.25 -2", with all its digits."""
    return " ".join(str(number).removesuffix(".0") for number in point)


def _point(line: str) -> Point | None:
    """What `_text` wrote, or a person, perhaps with a comma; None where it is no point."""
    try:
        x, y = map(float, line.replace(",", " ").split())
    except ValueError:
        return None
    return x, y


def board(**settings: Any) -> Any:
    """The live board as a widget; settings as in `choice.Choice`. InputError where ipywidgets is not installed."""
    need_ipywidgets()
    return Panel(Board(**settings)).whole
