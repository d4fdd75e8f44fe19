"""How digits are written: slant and width of lines whose angle and width are known."""

import numpy as np
import pytest

import numgan as ng
from numgan import metrics

SIDE = 28


def bar(width, degrees=0.0, length=18.0, side=SIDE, fine=8):
    """A straight stroke through the middle, (1, side · side): each pixel is as bright as it is covered."""
    c = (np.arange(side * fine) + 0.5) / fine - side / 2
    up, right = np.meshgrid(-c, c, indexing="ij")
    sin, cos = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    inside = (abs(right * sin + up * cos) < length / 2) & (abs(right * cos - up * sin) < width / 2)
    return inside.reshape(side, fine, side, fine).mean(axis=(1, 3)).reshape(1, -1)


def digits():
    """Some of them, with a border that is black."""
    data = ng.data.load("digits")
    images = data.restore(data.x[:60]).reshape(-1, SIDE, SIDE)
    inner = np.zeros_like(images)
    inner[:, 3:-3, 3:-3] = images[:, 3:-3, 3:-3]
    return inner.reshape(len(inner), -1)


@pytest.mark.parametrize("degrees", [-40, -20, 0, 10, 30, 45])
def test_slant_is_the_tangent_of_the_angle_from_the_vertical(degrees):
    (found,) = metrics.slant(bar(1.5, degrees), (SIDE, SIDE))
    assert found == pytest.approx(np.tan(np.radians(degrees)), abs=0.02)


@pytest.mark.parametrize("degrees", [0, 15, 45, -30, 90])
@pytest.mark.parametrize("width", [2.5, 3.0, 4.5])
def test_stroke_width_is_that_of_the_bar_at_every_angle(width, degrees):
    (found,) = metrics.stroke_width(bar(width, degrees), (SIDE, SIDE))
    assert found == pytest.approx(width / (1 + width / 18), rel=0.04 if width > 2.5 else 0.08)


def test_slant_is_the_slope_of_the_line_of_best_fit():
    image = digits()[0].reshape(SIDE, SIDE)
    rows, columns = np.nonzero(image)
    slope, _ = np.polyfit(-rows, columns, 1, w=np.sqrt(image[rows, columns]))
    assert metrics.slant(image.reshape(1, -1), (SIDE, SIDE))[0] == pytest.approx(slope, abs=1e-6)


def test_what_they_do_not_depend_on():
    x, shape = digits(), (SIDE, SIDE)
    images = x.reshape(-1, *shape)
    np.testing.assert_allclose(metrics.slant(images[:, :, ::-1].reshape(x.shape), shape), -metrics.slant(x, shape))
    for measure in (metrics.slant, metrics.stroke_width):
        moved, turned = np.roll(images, (1, -2), axis=(1, 2)), images[:, ::-1, ::-1]
        for same in (x / 2, moved.reshape(x.shape), turned.reshape(x.shape)):
            np.testing.assert_allclose(measure(same, shape), measure(x, shape), atol=1e-5)
        np.testing.assert_allclose(measure(x[3:4], shape), measure(x, shape)[3:4])
    turned = images.swapaxes(1, 2).reshape(x.shape)
    np.testing.assert_allclose(metrics.stroke_width(turned, shape), metrics.stroke_width(x, shape))


def test_each_changes_alone():
    shape = (SIDE, SIDE)
    lean, wide = metrics.slant(bar(2, 25), shape), metrics.stroke_width(bar(2, 25), shape)
    assert metrics.slant(bar(4, 25), shape) == pytest.approx(lean, abs=0.05)
    assert metrics.stroke_width(bar(2, -25), shape) == pytest.approx(wide, rel=0.01)
    assert metrics.stroke_width(bar(4, 25), shape) > 1.6 * wide


def test_images_that_are_not_square_and_images_without_ink():
    x = np.zeros((3, 40))
    x[1].reshape(5, 8)[2, 1:6] = 1  # one line of pixels
    x[2].reshape(5, 8)[np.arange(5), np.arange(5)] = 1  # from the upper left
    np.testing.assert_allclose(metrics.slant(x, (5, 8)), [0, 0, -1])
    assert metrics.stroke_width(x, (5, 8))[0] == 0
    assert metrics.stroke_width(np.ones((1, 36)), (6, 6))[0] == pytest.approx(3, rel=0.06)  # a square of 6 by 6


@pytest.mark.parametrize("measure", [metrics.slant, metrics.stroke_width])
def test_what_is_no_image_is_refused(measure):
    x = np.zeros((2, 12))
    for shape in ((3, 5), (3, 4, 1), 12, (3.0, 4.0), (-3, -4), (12,)):
        with pytest.raises(ng.InputError, match=r"image_shape is .*, expected \(h, w\) with product 12"):
            measure(x, shape)
    with pytest.raises(ng.InputError, match=r"x holds 0 … 2, expected pixels in \[0, 1\]"):
        measure(x + np.arange(12) / 5.5, (3, 4))
    with pytest.raises(ng.InputError, match=r"x has shape \(2, 3, 4\)"):
        measure(x.reshape(2, 3, 4), (3, 4))
    with pytest.raises(ng.InputError, match="must be finite"):
        measure(x + np.nan, (3, 4))
