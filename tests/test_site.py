"""The lessons as web pages: links between pages, a telephone's width, an index with every lesson."""

import importlib.util
import re

import pytest
from notebook_tools import LESSONS, NOTEBOOKS, read

spec = importlib.util.spec_from_file_location("make_site", NOTEBOOKS / "make_site.py")
make_site = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_site)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_each_lesson_has_a_place_in_the_index(path):
    text = make_site.entry(path.stem, read(path))
    assert f'href="{path.stem}.html"' in text and f"{int(path.name[:2])} · " in text
    assert re.search(r"</h2></a>[A-Z].*\?.*</li>", text), "its question"


def test_links_lead_to_pages():
    page = '<a href="02_x.ipynb"><a href="GLOSSARY.md#words">'
    page += '<a href="exercises/source/gan/1_layers.ipynb">'
    assert re.findall('href="(.*?)"', make_site.linked(page)) == [
        "02_x.html", "GLOSSARY.html#words", "exercises/release/gan/1_layers.ipynb",
    ]  # fmt: skip
    assert make_site.linked('see <a href="../tests/README.md#gpu">the tests</a>.') == "see the tests."


def test_pages_fit_a_telephone():
    assert 'name="viewport" content="width=device-width' in make_site.PAGE
    assert "max-width: 100%" in make_site.STYLE


def test_formulas_need_no_script():
    pytest.importorskip("latex2mathml", reason="formulas are set by latex2mathml, of the extra notebooks")
    made = make_site.formula(r"\log D(x) + \log(1 - x), \; x \sim p_d", "inline")
    assert '<mi>log</mi><mspace width="0.17em"/><mi>D</mi>' in made  # a thin space before a letter, none before (
    assert "<mi>log</mi><mo" in made and "&#x0223C;" in made
    rows = make_site.formula(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "block")
    assert rows.count("<mtr>") == 2 and 'display="block"' in rows


def test_a_picture_is_made_small():
    from PIL import Image

    png = next(p for p in map(make_site.picture, map(read, LESSONS)) if p)
    small = make_site.thumbnail(png, width=60)
    image = Image.open(make_site.BytesIO(make_site.base64.b64decode(small)))
    assert image.format == "PNG" and max(image.size) == 60


@pytest.mark.notebooks
def test_the_whole_site(tmp_path):
    for module in ("nbconvert", "latex2mathml"):
        pytest.importorskip(module, reason=f"pages are made by {module}, of the extra notebooks")
    make_site.main(tmp_path)
    pages = {path.name for path in tmp_path.glob("*.html")}
    assert pages == {"index.html", "GLOSSARY.html", *(f"{path.stem}.html" for path in LESSONS)}
    for page in tmp_path.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        for target, name in re.findall(r'href="([^"#:]*)#?([^":]*)"', text):
            assert (tmp_path / target).exists(), f"{page.name}: {target}"
            there = (tmp_path / target if target else page).read_text(encoding="utf-8") if name else ""
            assert not name or f'id="{name}"' in there, f"{page.name}: {target}#{name}"
        assert 'importlib.util.find_spec("numgan")' not in text
        assert not re.search(r"<script|<link|@import|src=[\"']?https?:", text), "a page asks the network for nothing"
        assert page.stat().st_size < 1_000_000
        words = re.sub(r"<(pre|code|style)\b.*?</\1>", "", text, flags=re.DOTALL)
        assert "$" not in words and "<mi>&</mi>" not in words, "TeX that is no formula"
    folded = re.findall(r"<summary>Python, (\d+) lines", (tmp_path / LESSONS[0].with_suffix(".html").name).read_text())
    assert folded and all(int(lines) > make_site.LONG for lines in folded)
