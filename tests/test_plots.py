"""Pictures: what is drawn, not how it looks; and no state of matplotlib's is touched."""

import io
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.image import imread

import numgan as ng
from numgan import plots
from numgan.plots import GENERATED, REAL
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


def test_pictures_of_every_kind_can_be_drawn():
    """What is in them is read from their axes below; here they are made into an image, where a warning is an error."""
    x = np.random.default_rng(0).random((6, 12))
    drawn(plots.progress([x] * 3, [0, 10, 20], (2, 2, 3)))
    drawn(plots.progress([x[:, :2], x[:, :2] + 1], [0, 5]))
    drawn(plots.samples(x[:, :1], x[:, :1]))
    drawn(plots.sheet(x))


@pytest.mark.parametrize(("n", "shape"), [(64, (28, 28)), (32, (28, 28)), (3, (28, 28)), (6, (4, 3)), (12, (8, 32, 3))])
def test_samples_fill_their_figure_and_no_title_is_cut_off(n, shape):
    x = np.random.default_rng(0).random((n, np.prod(shape)))
    figure = plots.samples(x, x, shape)
    figure.draw_without_rendering()
    left, bottom, right, top = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer()).extents  # in inches
    width, height = figure.get_size_inches()
    assert 0 <= left < 0.2 and width - 0.2 < right <= width
    assert 0 <= bottom < 0.2 and height - 0.2 < top <= height


def test_the_readmes_picture_is_one_that_numgan_train_draws():
    x = np.zeros((64, 28 * 28))
    width, height = plots.samples(x, x, (28, 28)).get_size_inches() * 120  # the dots per inch of samples.png
    assert imread(PICTURE).shape[:2] == (int(height), int(width))
    assert PICTURE.stat().st_size < 150_000


def test_a_strip_is_never_longer_than_it_can_show():
    x = np.zeros((4, 2))
    axes = plots.progress([x] * 30, list(range(30)), None).axes
    assert len(axes) == plots.STRIP
    assert axes[0].get_title() == "step 0"
    assert axes[-1].get_title() == "step 29"


def test_pyplot_stays_out(monkeypatch):
    """No file names it, and pictures are drawn where it cannot be imported."""
    sources = list(Path(plots.__file__).parent.glob("**/*.py"))
    assert len(sources) > 60
    assert not [path for path in sources if re.search("import.*pyplot", path.read_text("utf-8"))]
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    drawn(plots.history([Record(i, 1.0 + i, 0.5, -1.2, 0.6, 0.4, 2.0, 3.0) for i in range(1, 5)]))


def curves(ax):
    """{label: (colour, style, points)} of the lines of an Axes."""
    return {line.get_label(): (line.get_color(), line.get_linestyle(), line.get_xydata().tolist()) for line in ax.lines}


def clouds(ax):
    """{label: (colour, points)} of the scatter plots of an Axes, in the order in which they are drawn."""
    return {c.get_label(): (to_hex(c.get_facecolor()[0]).upper(), c.get_offsets().tolist()) for c in ax.collections}


def places(figure):
    """(rows, columns) of the figure's axes, once they stand in it in reading order."""
    specs = [ax.get_subplotspec() for ax in figure.axes]
    assert [spec.num1 for spec in specs] == list(range(len(specs)))
    (geometry,) = {spec.get_geometry()[:2] for spec in specs}
    return geometry


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_history_pairs_each_name_with_its_curve():
    records = [Record(i, 1.0 + i, 0.5 - i, -1.2 * i, 0.6 / i, 0.4 / i, 2.0, 3.0) for i in (1, 2, 4, 7)]
    figure = plots.history(records)
    assert places(figure) == (1, 2)
    left, right = figure.axes
    of = {name: [[r.step, getattr(r, name)] for r in records] for name in Record._fields}
    assert curves(left) == {
        "loss_D": (REAL, "-", of["loss_D"]),
        "loss_G": (GENERATED, "-", of["loss_G"]),
        "V": ("0.3", "--", of["V"]),
        "−log 4": ("0.3", ":", [[0, -math.log(4)], [1, -math.log(4)]]),
    }
    assert legend(left) == ["loss_D", "loss_G", "V", "−log 4"]
    assert {line.get_linewidth() for line in (*left.lines, *right.lines)} == {1}
    half = right.lines[-1]
    assert (half.get_color(), half.get_linestyle(), half.get_xydata().tolist()) == ("0.3", ":", [[0, 0.5], [1, 0.5]])
    half.remove()
    assert curves(right) == {"D(x)": (REAL, "-", of["D_x"]), "D(G(z))": (GENERATED, "-", of["D_Gz"])}
    assert legend(right) == ["D(x)", "D(G(z))"]
    assert right.get_ylim() == (0, 1)
    assert {text.get_fontsize() for ax in (left, right) for text in ax.get_legend().get_texts()} == {8}
    titles = [(ax.get_title(), ax.get_xlabel()) for ax in (left, right)]
    assert titles == [("what each player descends, and V", "step"), ("what D believes, on average", "step")]
    assert len(plots.history([]).axes) == 2
    for bad in (records[0], [1.0], "records"):
        with pytest.raises(ng.InputError, match=r"plots.history\(run.history\)"):
            plots.history(bad)


def tiles(mosaic, shape, columns):
    """The images of a mosaic, and whether all that lies between and after them is white."""
    h, w = shape[:2]
    places = [(i * (h + 1), j * (w + 1)) for i in range((len(mosaic) + 1) // (h + 1)) for j in range(columns)]
    found = [mosaic[top : top + h, left : left + w].copy() for top, left in places]
    rest = np.array(mosaic)
    for top, left in places:
        rest[top : top + h, left : left + w] = 1
    return found, (rest == 1).all()


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 1), (2, 5, 3), (2, 5, 4), [2, 5]])
def test_samples_are_to_the_left_and_data_to_the_right(shape):
    """In rows of eight, whatever does not fill the last row left white; black is 0 and white is 1."""
    rng = np.random.default_rng(0)
    x_g, x = rng.random((2, 11, math.prod(shape)))
    figure = plots.samples(x_g, x, shape)
    assert [ax.get_title() for ax in figure.axes] == ["G(z): generated", "x: data"]
    assert places(figure) == (1, 2)
    for ax, rows in zip(figure.axes, (x_g, x), strict=True):
        image = ax.images[0]
        mosaic = np.asarray(image.get_array())
        assert mosaic.shape == (2 * 3 - 1, 8 * 6 - 1, *[c for c in shape[2:] if c > 1])
        found, white = tiles(mosaic, shape, 8)
        assert white
        np.testing.assert_array_equal(np.reshape(found[:11], x.shape), rows)
        assert (np.array(found[11:]) == 1).all()
        assert (image.get_clim(), image.get_cmap().name, image.get_interpolation()) == ((0, 1), "gray", "nearest")
        assert not ax.axison or (ax.get_xticks().size, ax.get_yticks().size) == (0, 0)
        assert not any(spine.get_visible() for spine in ax.spines.values())


def test_figures_are_as_high_as_what_they_show():
    x = np.zeros((20, 12))
    for figure, width, height in (
        (plots.samples(x, x[:8], (2, 6)), 10, 4.92 * 8 / 55 + 0.36),  # three rows of eight, and one
        (plots.sheet(x, (2, 6)), 6, 6 * 4 / 5),  # four rows of five
        (plots.progress([x] * 3, [0, 1, 2], (2, 6)), 8, 0.85 * 3),
        (plots.progress([x] * 3, [0, 1, 2]), 2.2 * 3, 2.8),
        (plots.sheet(x), 5, 5),
        (plots.samples(x, x), 5, 5),
        (plots.history([]), 10, 4),
    ):
        assert figure.get_size_inches().tolist() == pytest.approx([width, height])
        assert figure.get_layout_engine() is not None  # so that no label is cut off


SHEETS = [(1, 1, 1), (2, 1, 2), (9, 3, 3), (10, 3, 4), (16, 4, 4), (64, 8, 8)]


@pytest.mark.parametrize(("n", "rows", "columns"), SHEETS)
def test_a_sheet_has_no_row_or_column_without_an_image(n, rows, columns):
    figure = plots.sheet(np.zeros((n, 6)), (2, 3))
    assert figure.axes[0].images[0].get_array().shape == (3 * rows - 1, 4 * columns - 1)
    assert figure.get_size_inches().tolist() == [6, 6 * rows / columns]


def test_full_rows_of_eight_leave_no_row_below():
    figure = plots.samples(np.zeros((16, 6)), np.zeros((8, 6)), (2, 3))
    assert [ax.images[0].get_array().shape for ax in figure.axes] == [(2 * 3 - 1, 8 * 4 - 1), (2, 8 * 4 - 1)]


def test_a_sheet_of_images_is_nearly_square():
    x = np.random.default_rng(0).random((11, 6))
    mosaic = np.asarray(plots.sheet(x, (2, 3)).axes[0].images[0].get_array())
    assert mosaic.shape == (3 * 3 - 1, 4 * 4 - 1)  # three rows of four
    np.testing.assert_array_equal(np.reshape(tiles(mosaic, (2, 3), 4)[0][:11], (11, 6)), x)


@pytest.mark.parametrize("columns", [2, 3])
def test_points_have_their_colours_and_axes(columns):
    x_g, x = np.random.default_rng(0).standard_normal((2, 7, columns)).round(3)
    ax = plots.samples(x_g, x[:5]).axes[0]
    data, generated = ("x: data", (REAL, x[:5, :2].tolist())), ("G(z): generated", (GENERATED, x_g[:, :2].tolist()))
    assert list(clouds(ax).items()) == [data, generated]
    assert legend(ax) == ["x: data", "G(z): generated"]
    looks = [(c.get_alpha(), c.get_sizes().tolist(), c.get_linewidths().tolist()) for c in ax.collections]
    assert looks == [(0.5, [4], [0])] * 2  # many points in one place are darker than one
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == (("column 0", "column 1") if columns > 2 else ("", ""))
    assert list(clouds(plots.sheet(x_g).axes[0]).items()) == [generated]


def test_numbers_on_a_line_are_histograms_of_area_1():
    rng = np.random.default_rng(0)
    x_g, x = rng.exponential(1, (90, 1)), rng.normal(9, 1, (70, 1))
    ax = plots.samples(x_g, x).axes[0]
    expected = (x, REAL, "x: data"), (x_g, GENERATED, "G(z): generated")
    for patch, (rows, color, label) in zip(ax.patches, expected, strict=True):
        height, edges = np.histogram(rows[:, 0], bins=60, density=True)
        outline = patch.get_xy()
        assert (to_hex(patch.get_edgecolor()).upper(), patch.get_label()) == (color, label)
        assert not patch.get_fill()
        np.testing.assert_allclose(outline[1:-1:2, 1], height)
        np.testing.assert_allclose(outline[::2, 0], edges)
    assert legend(ax) == ["x: data", "G(z): generated"]


def test_a_strip_shows_frames_at_even_distances_over_the_data():
    rng = np.random.default_rng(0)
    frames, x = rng.standard_normal((30, 4, 2)), rng.standard_normal((6, 2))
    figure = plots.progress(list(frames), [10 * i for i in range(30)], None, x)
    even = [0, 4, 8, 12, 17, 21, 25, 29]  # 29/7 apart, rounded
    assert [ax.get_title() for ax in figure.axes] == [f"step {10 * i}" for i in even]
    assert places(figure) == (1, 8) and {ax.title.get_fontsize() for ax in figure.axes} == {9}
    for ax, i in zip(figure.axes, even, strict=True):
        assert list(clouds(ax).items()) == [("x: data", (REAL, x.tolist())), ("G(z)", (GENERATED, frames[i].tolist()))]
        assert ax.get_xlim() == figure.axes[0].get_xlim() and ax.get_ylim() == figure.axes[0].get_ylim()
    assert list(clouds(plots.progress(frames[:2], np.array([3, 4])).axes[1])) == ["G(z)"]
    images = rng.random((3, 5, 6))
    figure = plots.progress(list(images), [0, 2, 9], (2, 3))
    assert [ax.get_ylabel() for ax in figure.axes] == ["step 0", "step 2", "step 9"]
    assert places(figure) == (3, 1)
    label = figure.axes[0].yaxis.label
    assert (label.get_rotation(), label.get_ha(), label.get_va()) == (0, "right", "center")
    for ax, rows in zip(figure.axes, images, strict=True):
        mosaic = np.asarray(ax.images[0].get_array())
        assert mosaic.shape == (2, 5 * 4 - 1)
        np.testing.assert_array_equal(np.reshape(tiles(mosaic, (2, 3), 5)[0], (5, 6)), rows)


def test_growth_has_a_line_for_each_size():
    images = np.random.default_rng(0).random((3, 5, 16))
    figure = plots.growth(list(images), [1, 2, 4], (4, 4))
    assert [ax.get_ylabel() for ax in figure.axes] == ["1 × 1", "2 × 2", "4 × 4"]
    assert places(figure) == (3, 1) and figure.get_size_inches().tolist() == pytest.approx([8, 0.85 * 3])
    for ax, rows in zip(figure.axes, images, strict=True):
        mosaic = np.asarray(ax.images[0].get_array())
        np.testing.assert_array_equal(np.reshape(tiles(mosaic, (4, 4), 5)[0], (5, 16)), rows)
    for wrong in ([], list(images[:2])):
        with pytest.raises(ng.InputError, match="growth takes frames"):
            plots.growth(wrong, [1, 2, 4], (4, 4))
    with pytest.raises(ng.InputError, match="image_shape must be"):
        plots.growth(list(images), [1, 2, 4], (4, 5))


BAD_SHAPES = [(-3, -4), (3, 5), (15,), 12, "12", (2, 3, 2), (2.0, 6), (2, 2, 3, 1), ()]


@pytest.mark.parametrize("shape", BAD_SHAPES, ids=repr)
def test_shapes_that_are_none_of_an_image_are_refused(shape):
    x = np.zeros((4, 12))
    with pytest.raises(ng.InputError, match=r"image_shape must be \(h, w\), .* with product 12"):
        plots.sheet(x, shape)


@pytest.mark.parametrize("x", [np.zeros(3), np.zeros((0, 2)), np.zeros((2, 2, 2)), [["a"]], np.zeros((2, 2), complex)])
def test_rows_that_are_none_are_refused_by_their_name(x):
    ok = np.zeros((2, 2))
    for call, name in (
        (lambda: plots.samples(x, ok), "x_g"),
        (lambda: plots.samples(ok, x), "x"),
        (lambda: plots.sheet(x), "x"),
        (lambda: plots.progress([x], [0]), "a frame"),
        (lambda: plots.progress([ok], [0], None, x), "x"),
    ):
        with pytest.raises(ng.InputError, match=f"^{name} must be rows of numbers"):
            call()
    plots.sheet(np.eye(2, dtype=bool)), plots.sheet(np.eye(2, dtype="uint8"))


def test_as_many_frames_as_steps():
    x = np.zeros((2, 2))
    for frames, steps in (([], []), ([x], []), ([x], [1, 2]), (x, "12"), (None, [1]), ([x], 1)):
        with pytest.raises(ng.InputError, match="as many steps"):
            plots.progress(frames, steps)


def test_whole_numbers_of_any_kind_are_drawn():
    """Rows of signed whole numbers, and an image shape that was read from a file."""
    shape = tuple(np.array([2, 3]))
    assert plots.sheet(np.arange(12, dtype=np.int64).reshape(2, 6), shape).axes[0].images


def bars(ax, label):
    """The heights of the bars that bear a label, by the name below them."""
    found = {box.get_label(): [bar.get_height() for bar in box] for box in ax.containers}
    return dict(zip([text.get_text() for text in ax.get_xticklabels()], found[label], strict=True))


def test_an_evaluation_shows_what_was_measured():
    shares, scores = {"precision": (0.5, 0.9), "recall": (0.25, 0.75)}, {"samples": 3.0, "real training rows": -2.0}
    x_g, x = np.arange(10.0).repeat(4).reshape(10, 4) / 10, np.arange(10.0).repeat(4).reshape(10, 4) / 20
    figure = plots.evaluation(x_g, x, (2, 2), shares, scores, ([0.5, 0.5], [0.25, 0.75]))
    images, of_shares, of_scores, of_classes = figure.axes
    assert bars(of_shares, "samples") == {"precision": 0.5, "recall": 0.25}
    assert bars(of_shares, "real rows") == {"precision": 0.9, "recall": 0.75}
    assert [bar.get_width() for bar in of_scores.patches] == [3, -2]
    assert [text.get_text() for text in of_scores.get_yticklabels()] == list(scores)
    assert bars(of_classes, "samples") == {"0": 0.5, "1": 0.5}
    assert bars(of_classes, "real rows") == {"0": 0.25, "1": 0.75}
    (mosaic,) = images.images
    first = mosaic.get_array()[0, ::3]  # five samples, and what lies nearest to the last of them
    assert first.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.2])


def test_where_real_rows_are_not_shown_nothing_is_called_so():
    figure = plots.evaluation(np.zeros((3, 2)), np.ones((3, 2)), None, {"recall": (0.5, np.nan)}, {})
    assert len(figure.axes) == 2
    assert [box.get_label() for box in figure.axes[1].containers] == ["samples"]
