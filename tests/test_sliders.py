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

STOPS = {"a": (0, 1, 2), "b": (0.0, 1.0)}


def page(**options):
    """A picture whose left part is blue by `a`, and whose right part is orange by `b`."""
    figure, seen = Figure(figsize=(2, 1)), []

    def draw(a, b):
        seen.append((a, b))
        left, right = figure.subplots(1, 2)
        left.imshow([[a]], vmin=0, vmax=2, cmap="Blues")
        right.imshow([[b]], vmin=0, vmax=1, cmap="Oranges")

    return sliders(figure, draw, STOPS, **options), seen


def pictures(html):
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(d))).convert("RGB")) for d in re.findall('4,([^"]+)', html)
    ]


def test_one_picture_for_each_combination_and_the_first_is_shown():
    html, seen = page()
    assert seen == list(product(*STOPS.values())) and len(pictures(html)) == 6
    assert html.count('display:none"') == 5 and html.index('alt="a = 0, b = 0"') < html.index('display:none"')
    assert html.count('type="range"') == 2 and 'data-stops="0 1 2"' in html and 'max="1"' in html


def test_it_needs_nothing_from_outside():
    html, _ = page()
    assert not re.search(r"https?:|<script|<link", html)


def test_pictures_are_of_the_size_asked_for_and_colours_stay():
    first, *_, last = pictures(page(dpi=50)[0])
    assert first.shape == (50, 100, 3)
    assert np.abs(last[25, 30].astype(int) - (8, 48, 107)).max() < 40, "dark blue"
    assert np.abs(last[25, 75].astype(int) - (127, 39, 4)).max() < 40, "dark orange"


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


def test_the_pace_of_playing():
    assert "}, 125)" in page(ms=125)[0]


@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium")
def test_in_a_browser_a_slider_shows_its_picture(tmp_path):
    html, _ = page()
    move = "const [a, b] = document.querySelectorAll('input'); a.value = 2; a.oninput(); b.value = 1; b.oninput();"
    say = "document.title = [...document.images].filter(p => p.style.display === '').map(p => p.alt).join(';')"
    (tmp_path / "page.html").write_text(f"<meta charset=utf-8>{html}<script>{move}{say}</script>", encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--dump-dom"]
    dom = subprocess.run([*command, f"file://{tmp_path}/page.html"], capture_output=True, text=True, timeout=120).stdout
    assert "<title>a = 2, b = 1</title>" in dom
    assert re.findall("<output>(.*?)</output>", dom) == ["2", "1"]
