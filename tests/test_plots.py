"""Pictures: what is drawn, not how it looks; and no state of matplotlib's is touched."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

from numgan import plots
from numgan.run.record import Record

PICTURE = Path(__file__).parents[1] / "benchmarks" / "results" / "digits.png"  # the README's


def drawn(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=40)
    assert file.getvalue().startswith(b"\x89PNG")


def test_a_mosaic_shows_every_image_in_its_place():
    x = np.arange(5.0)[:, None] / 4 * np.ones(12)  # five images 3 × 4, from black to white
    mosaic = plots.sheet(x, (3, 4)).axes[0].images[0].get_array()
    assert mosaic.shape == (2 * 4 - 1, 3 * 5 - 1)
    for i, value in enumerate(np.arange(5) / 4):
        top, left = i // 3 * 4, i % 3 * 5
        assert (mosaic[top : top + 3, left : left + 4] == value).all()
    assert (mosaic[:, 4] == 1).all()  # white between


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 1), (4, 3, 3)])
def test_grey_and_colour_images(shape):
    x = np.random.default_rng(0).random((6, np.prod(shape)))
    figure = plots.samples(x, x, shape)
    drawn(figure)
    assert [ax.get_title() for ax in figure.axes] == ["G(z): generated", "x: data"]
    drawn(plots.progress([x] * 3, [0, 10, 20], shape))


@pytest.mark.parametrize(("n", "shape"), [(64, (28, 28)), (32, (28, 28)), (3, (28, 28)), (6, (4, 3)), (12, (8, 32, 3))])
def test_samples_fill_their_figure_and_no_title_is_cut_off(n, shape):
    x = np.random.default_rng(0).random((n, np.prod(shape)))
    figure = plots.samples(x, x, shape)
    drawn(figure)
    left, bottom, right, top = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer()).extents  # in inches
    width, height = figure.get_size_inches()
    assert 0 <= left < 0.2 and width - 0.2 < right <= width
    assert 0 <= bottom < 0.2 and height - 0.2 < top <= height


def test_the_readmes_picture_is_one_that_numgan_train_draws():
    x = np.zeros((64, 28 * 28))
    width, height = plots.samples(x, x, (28, 28)).get_size_inches() * 120  # the dots per inch of samples.png
    assert imread(PICTURE).shape[:2] == (int(height), int(width))
    assert PICTURE.stat().st_size < 150_000


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_points(columns):
    x = np.random.default_rng(0).standard_normal((50, columns))
    for figure in (plots.samples(x, x), plots.sheet(x), plots.progress([x, x + 1], [0, 5])):
        drawn(figure)


def test_a_strip_is_never_longer_than_it_can_show():
    x = np.zeros((4, 2))
    axes = plots.progress([x] * 30, list(range(30)), None).axes
    assert len(axes) == plots.STRIP
    assert axes[0].get_title() == "step 0"
    assert axes[-1].get_title() == "step 29"


def test_history_draws_each_record():
    records = [Record(i, 1.0 + i, 0.5, -1.2, 0.6, 0.4, 2.0, 3.0) for i in range(1, 5)]
    figure = plots.history(records)
    drawn(figure)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "loss_D")
    assert line.get_xydata().tolist() == [[i, 1.0 + i] for i in range(1, 5)]
    assert {line.get_label() for line in figure.axes[1].lines} >= {"D(x)", "D(G(z))"}


def test_pyplot_stays_out():
    code = "import sys, numgan.plots; print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
