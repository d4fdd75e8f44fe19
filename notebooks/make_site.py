"""All lessons as web pages, with an index of titles, questions and pictures:  python notebooks/make_site.py FOLDER

Needs nbconvert, which comes with JupyterLab, and latex2mathml (both are in the extra `notebooks`). Each page is one
file that asks the network for nothing: formulas are MathML, which browsers set themselves.
"""

import base64
import html
import json
import re
import shutil
import sys
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).parent
INSTALLS = "# The same in every notebook"  # the cell that installs the package, of no use on a page
PLAIN = r'<span class="(?:n|p|w)">([^<]*)</span>'  # names, brackets and spaces have no colour of their own
FUNCTIONS = "arctan|cos|log|max|min|sin|tanh"  # log x is set with a thin space, log(x) without
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #222;
       overflow-wrap: break-word }
a { color: #0072B2 } h1, h2, h3 { line-height: 1.25; margin: 1.6rem 0 .6rem }
img, svg { max-width: 100%; height: auto }
pre, code { font: 13px/1.4 ui-monospace, monospace }
pre { overflow-x: auto; margin: .4rem 0 } .input_area pre { background: #f5f5f5; padding: .6rem }
code { background: #f5f5f5; padding: 0 .2em } pre code { padding: 0 }
blockquote { border-left: 4px solid #ccc; margin: 1rem 0; padding-left: 1rem }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 15px }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .6rem; vertical-align: top; text-align: left }
.formula { display: block; overflow-x: auto; padding: .5rem 0 } .formula math { font-size: 1.1em }
math { font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math }
mtd[columnalign=left] { text-align: left } mtd[columnalign=right] { text-align: right }
menclose { border: 1px solid } summary { cursor: pointer; color: #0072B2 }
.long { display: inline-block; max-width: 100%; overflow: auto hidden; vertical-align: middle }
input[type=range] { max-width: 60vw } figure label { display: inline-block }
@media (max-width: 40rem) { pre, code { font-size: 12px } h1 { font-size: 1.6rem } }
"""
TILES = """
ol { list-style: none; padding: 0; display: grid; gap: 1rem;
     grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)) }
li { border: 1px solid #ccc; border-radius: 8px; padding: 1rem }
li img { width: 100%; height: 8rem; object-fit: contain; background: white }
li a { text-decoration: none } h2 { font-size: 1.1rem; margin: .5rem 0 }
"""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{style}</style>
{body}</html>
"""
LONG = 20  # lines of code; a cell with more, mostly drawing, is folded
CELL = """{%- extends 'basic/index.html.j2' -%}
{% block input %}
{%- set lines = cell.source.count("\n") + 1 -%}
{%- if lines > LONG -%}<details><summary>Python, {{ lines }} lines</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{% endblock input %}
""".replace("LONG", str(LONG))
INDEX = """<h1>numgan: lessons</h1>
<p>Generative adversarial networks from scratch on NumPy, every gradient written by hand.
<a href="GLOSSARY.html">Glossary</a></p>
<ol>{entries}</ol>
"""
TOP = '<nav><a href="index.html">All lessons</a> · <a href="GLOSSARY.html">Glossary</a></nav>\n'


def prose(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def title(notebook):
    return prose(notebook)[0].splitlines()[0].removeprefix("# ")


def picture(notebook):
    """The first PNG among the outputs, base64, or None."""
    outputs = (output.get("data", {}) for cell in notebook["cells"] for output in cell.get("outputs", []))
    return next((data["image/png"] for data in outputs if "image/png" in data), None)


def thumbnail(png, width=480):
    """The same, smaller."""
    from PIL import Image

    image, small = Image.open(BytesIO(base64.b64decode(png))).convert("RGB"), BytesIO()
    image.thumbnail((width, width))
    image.quantize(128).save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def entry(name, notebook):
    """A lesson's place in the index."""
    png = picture(notebook)
    question = re.search(r"\*\*Question\.\*\* (.*)", prose(notebook)[0])[1]
    shown = f'<img alt="" src="data:image/png;base64,{thumbnail(png)}">' if png else ""
    words = html.escape(re.sub(r"[*`$]", "", question))
    return f'<li><a href="{name}.html">{shown}<h2>{html.escape(title(notebook))}</h2></a>{words}</li>'


def linked(page):
    """Links between lessons, and to the glossary, lead to the pages made here, others to the student's exercises.

    What lies outside notebooks/ is not part of the site: of such a link the text stays.
    """
    page = page.replace('href="exercises/source/', 'href="exercises/release/')
    page = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', page)
    page = re.sub(r'<a href="\.\./[^"]*">(.*?)</a>', r"\1", page, flags=re.DOTALL)
    return page.replace('href="GLOSSARY.md', 'href="GLOSSARY.html')


def formula(tex, display):
    """TeX as MathML; display is "block" or "inline"."""
    from latex2mathml.converter import convert

    made = convert(tex.strip().replace("{aligned}", "{align*}"), display=display)
    made = made.replace("&#x0007E;", "&#x0223C;")  # ∼, not the keyboard's ~
    return re.sub(rf"(<mi>(?:{FUNCTIONS})</mi>)(?=<m(?!o))", r'\1<mspace width="0.17em"/>', made)


def markdown(source):
    """HTML, with formulas as MathML and GitHub's names for headings, which the links in the text use."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def inline_math(self, body):
            made = formula(body, "inline")
            return f'<span class="long">{made}</span>' if len(body) > 45 else made  # it may be wider than a telephone

        def block_math(self, body):
            return f'<span class="formula">{formula(body, "block")}</span>'

        def heading(self, text, level, **attrs):
            plain = html.unescape(re.sub(r"<.*?>", "", text)).lower()
            name = re.sub(r"[^\w -]", "", plain).replace(" ", "-")
            return f'<h{level} id="{name}">{text}</h{level}>\n'

    return MarkdownWithMath(renderer=Renderer(escape=False)).render(source)


def convert(notebook):
    """A page, from the notebook as JSON."""
    import nbformat
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    exporter = HTMLExporter(raw_template=CELL, exclude_input_prompt=True, exclude_output_prompt=True)
    exporter.register_filter("markdown2html", markdown)
    node = nbformat.from_dict(notebook)
    node.cells = [cell for cell in node.cells if not cell.source.startswith(INSTALLS)]
    body = re.sub(PLAIN, r"\1", linked(exporter.from_notebook_node(node)[0]))
    style = STYLE + HtmlFormatter(nobackground=True).get_style_defs(".highlight")
    return PAGE.format(title=html.escape(title(notebook)), style=style, body=TOP + body)


def glossary():
    cell = {"cell_type": "markdown", "id": "glossary", "metadata": {}}
    cell["source"] = (HERE / "GLOSSARY.md").read_text(encoding="utf-8")
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for path in sorted(HERE.glob("[0-9][0-9]_*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        entries.append(entry(path.stem, notebook))
        (folder / f"{path.stem}.html").write_text(convert(notebook), encoding="utf-8")
    (folder / "GLOSSARY.html").write_text(convert(glossary()), encoding="utf-8")
    shutil.copytree(HERE / "exercises" / "release", folder / "exercises" / "release", dirs_exist_ok=True)
    index = PAGE.format(title="numgan: lessons", style=STYLE + TILES, body=INDEX.format(entries="".join(entries)))
    (folder / "index.html").write_text(index, encoding="utf-8")
    print(f"{len(entries)} lessons: {folder / 'index.html'}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
