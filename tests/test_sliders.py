"""Pictures with sliders for a page: all that they show is in the HTML, and the handlers find the right picture."""

import base64
import io
import re
import shutil
import subprocess
from itertools import product

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from numgan.lab.sliders import sliders

STOPS = {"a": (0, 1, 2), "b": (-1.0, 1.5)}


def page(stops=STOPS, **options):
    """A picture whose left part is blue by `a`, and whose right part is orange by `b`."""
    figure, seen = Figure(figsize=(2, 1)), []

    def draw(a, b):
        seen.append((a, b))
        left, right = figure.subplots(1, 2)
        left.imshow([[a]], vmin=0, vmax=2, cmap="Blues")
        right.imshow([[b]], vmin=-1, vmax=1.5, cmap="Oranges")

    return sliders(figure, draw, stops, **options), seen


def pictures(html):
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(d))).convert("RGB")) for d in re.findall('4,([^"]+)', html)
    ]


@pytest.fixture(scope="module")
def shown():
    """A page as it is without options, and what was drawn on it."""
    return page()


def test_one_picture_for_each_combination_and_the_first_is_shown(shown):
    html, seen = shown
    assert seen == list(product(*STOPS.values())) and len(pictures(html)) == 6
    tags = re.findall('<img style="([^"]*)" alt="([^"]*)"', html)
    assert [alt for _, alt in tags] == [f"a = {a:g}, b = {b:g}" for a, b in seen]
    assert ["none" in style for style, _ in tags] == [False] + [True] * 5


def test_a_slider_has_its_name_its_stops_and_the_first_of_them_beside_it(shown):
    names = re.findall("<label>(.*?) <input", shown[0])
    bounds = re.findall('type="range" min="(.*?)" max="(.*?)" value="(.*?)" step="(.*?)"', shown[0])
    stops, outputs = re.findall('data-stops="(.*?)"', shown[0]), re.findall("<output>(.*?)</output>", shown[0])
    assert (names, stops, outputs) == (["a", "b"], ["0 1 2", "-1 1.5"], ["0", "-1"])
    assert bounds == [("0", "2", "0", "1"), ("0", "1", "0", "1")]


def test_stops_are_written_with_their_digits_wherever_they_stand():
    """Beside the slider at first, where it takes them from once it is moved, and in the picture's own text."""
    stops = {"step": (1234, 4000, 98765), "rate": (0.03125, -12.5)}
    written = {"step": ["1234", "4000", "98765"], "rate": ["0.03125", "-12.5"]}
    html = sliders(Figure(figsize=(0.2, 0.2)), lambda *_: None, stops)
    assert re.findall('data-stops="(.*?)"', html) == [" ".join(texts) for texts in written.values()]
    assert re.findall("<output>(.*?)</output>", html) == ["1234", "0.03125"]
    texts = [f"step = {step}, rate = {rate}" for step, rate in product(*written.values())]
    assert re.findall('alt="([^"]*)"', html) == texts


def test_a_picture_holds_nothing_of_the_one_before():
    """Black squares at places of their own: a picture has one, its own; draw finds an empty figure."""
    figure, found = Figure(figsize=(2, 1)), []

    def draw(at):
        found.append(len(figure.axes) + len(figure.texts))
        figure.text(0.9, 0.9, "·")
        ax = figure.add_axes((at / 4, 0, 0.25, 0.5))
        ax.set_axis_off()
        ax.imshow([[0]], cmap="gray", vmin=0, vmax=1, aspect="auto")

    shown = pictures(sliders(figure, draw, {"at": (0, 1, 2)}, dpi=40))
    dark = [[bool(picture[30, 10 + 20 * at].sum() < 300) for at in range(4)] for picture in shown]
    assert dark == [[at == i for at in range(4)] for i in range(3)] and found == [0, 0, 0]


def test_it_needs_nothing_from_outside(shown):
    assert not re.search(r"https?:|<script|<link", shown[0])


def test_pictures_are_of_the_size_asked_for_and_colours_stay(shown):
    (last,) = pictures(page({"a": (2,), "b": (1.5,)}, dpi=50)[0])
    assert last.shape == (50, 100, 3) and pictures(shown[0])[0].shape == (60, 120, 3)
    assert np.abs(last[25, 30].astype(int) - (8, 48, 107)).max() < 40, "dark blue"
    assert np.abs(last[25, 75].astype(int) - (127, 39, 4)).max() < 40, "dark orange"
    colours = [len(np.unique(picture.reshape(-1, 3), axis=0)) for picture in pictures(shown[0])]
    assert max(colours) <= 32 and colours[-1] > 16  # a palette


def test_each_picture_is_of_its_own_stops(shown):
    """Blue grows with a on the left, orange with b on the right: 0 and -1 are pale."""
    left, right = ([int(picture[30, at].sum()) for picture in pictures(shown[0])] for at in (36, 90))
    for a, b in ((0, 1), (2, 3), (4, 5)):
        assert abs(left[a] - left[b]) < 30 and right[a] > right[b] + 200
    assert left[0] > left[2] + 200 and left[2] > left[4] + 100


def test_pale_colours_of_a_surface_do_not_turn_grey():
    """Orange, white and blue in eleven levels, under text and points, as D's surface is drawn."""
    orange, blue = np.array([213, 94, 0]), np.array([0, 114, 178])
    levels = [255 + (c - 255) * k / 5 for c, ks in ((orange, range(5, 0, -1)), (blue, range(6))) for k in ks]
    figure = Figure(figsize=(2, 2))

    def draw(_a):
        ax = figure.subplots()
        ax.imshow(np.array([levels]) / 255, aspect="auto", alpha=0.6)
        ax.scatter(np.linspace(0, 10, 40), np.linspace(-0.4, 0.4, 40), s=5, color="#D55E00", edgecolors="white")
        ax.set_title("text in many shades of grey", fontsize=7)

    picture = pictures(sliders(figure, draw, {"a": (0,)}, dpi=80))[0].astype(int)
    shown = picture[130, np.linspace(26, 138, 11).astype(int)]  # the middle of each level; the last has a point there
    wanted = 255 + 0.6 * (np.array(levels) - 255)
    assert np.abs(shown - wanted)[:10].max() < 6, shown


def test_the_pace_of_playing(shown):
    figure = Figure(figsize=(1, 1))
    assert "}, 125)" in sliders(figure, lambda _: None, {"a": (0,)}, ms=125) and "}, 300)" in shown[0]


@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium")
def test_in_a_browser_a_slider_shows_its_picture_and_the_button_plays_the_first(shown, tmp_path):
    """Moved to the last of all; then played for two ticks of 300 ms, of which the first begins again; then stopped."""
    script = """
    const [first, second] = document.querySelectorAll('figure'), seen = [];
    const [a, b] = second.querySelectorAll('input'), button = second.querySelector('button');
    const shown = [...document.images].filter.bind([...document.images], p => p.style.display === '');
    const look = () => seen.push(shown().map(p => p.alt).join(';'));
    const press = () => { button.click(); seen.push(button.textContent) };
    a.value = 2; a.oninput(); look(); b.value = 1; b.oninput(); look(); press();
    setTimeout(() => { look(); press(); setTimeout(() => { look(); document.title = seen.join('|') }, 700) }, 700);
    """
    text = f"<meta charset=utf-8>{shown[0]}{shown[0]}<script>{script}</script>"
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    command += [f"--user-data-dir={tmp_path}", "--dump-dom", f"file://{tmp_path}/page.html"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    (title,) = re.findall("<title>(.*?)</title>", dom)
    moved, end, playing, played, stopped, still = title.split("|")
    rest = "a = 0, b = -1;"  # of another such picture, before it on the page
    assert (moved, end) == (f"{rest}a = 2, b = -1", f"{rest}a = 2, b = 1.5")
    assert (playing, played) == ("❚❚", f"{rest}a = 1, b = 1.5")
    assert (stopped, still) == ("▶", f"{rest}a = 1, b = 1.5")
    assert re.findall("<output>(.*?)</output>", dom) == ["0", "-1", "1", "1.5"]
