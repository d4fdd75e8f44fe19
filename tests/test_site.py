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
    page = '<head></head><a href="02_x.ipynb"><a href="GLOSSARY.md#words">'
    page += '<a href="exercises/source/gan/1_layers.ipynb">'
    assert re.findall('href="(.*?)"', make_site.linked(page)) == [
        "02_x.html", "GLOSSARY.html#words", "exercises/release/gan/1_layers.ipynb",
    ]  # fmt: skip
    assert "max-width: 100%" in make_site.linked(page)


def test_the_index_fits_a_telephone():
    assert 'name="viewport" content="width=device-width' in make_site.INDEX


def test_a_picture_is_made_small():
    from PIL import Image

    png = next(p for p in map(make_site.picture, map(read, LESSONS)) if p)
    small = make_site.thumbnail(png, width=60)
    image = Image.open(make_site.BytesIO(make_site.base64.b64decode(small)))
    assert image.format == "PNG" and max(image.size) == 60


@pytest.mark.notebooks
def test_the_whole_site(tmp_path):
    pytest.importorskip("nbconvert", reason="pages are made by nbconvert, of the extra notebooks")
    make_site.main(tmp_path)
    pages = {path.name for path in tmp_path.glob("*.html")}
    assert pages == {"index.html", "GLOSSARY.html", *(f"{path.stem}.html" for path in LESSONS)}
    for page in tmp_path.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r'href="([^"#:]+)[^":]*"', text):
            if not target.startswith("../"):
                assert (tmp_path / target).exists(), f"{page.name}: {target}"
        assert "importlib.util.find_spec" not in text
