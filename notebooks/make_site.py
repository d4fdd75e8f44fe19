"""All lessons as web pages, with an index of titles, questions and pictures:  python notebooks/make_site.py FOLDER

Needs nbconvert, which comes with JupyterLab (the extra `notebooks`). Formulas are set by MathJax, which a page loads
from the network; all else is in the folder.
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
STYLE = """<style>
body { margin: 0 auto; max-width: 60rem; padding: 0 1rem 3rem; overflow-wrap: break-word }
img, svg, canvas, video, iframe { max-width: 100% !important; height: auto }
.jp-Cell, .jp-OutputArea-output { padding-left: 0 !important; padding-right: 0 !important }
pre, table, .MathJax_Display, mjx-container { max-width: 100%; overflow-x: auto }
table { display: block }
input[type=range] { max-width: 60vw } figure label { display: inline-block }
@media (max-width: 40rem) { pre, code { font-size: 12px !important } h1 { font-size: 1.6rem !important } }
</style>"""
INDEX = """<!doctype html><html lang="en"><meta charset="utf-8"><title>numgan: lessons</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; color: #222 }
ol { list-style: none; padding: 0; display: grid; gap: 1rem;
     grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)) }
li { border: 1px solid #ccc; border-radius: 8px; padding: 1rem }
li img { width: 100%; height: 8rem; object-fit: contain; background: white }
h2 { font-size: 1.1rem; margin: .5rem 0 } a { color: #0072B2; text-decoration: none }
</style>
<h1>numgan: lessons</h1>
<p>Generative adversarial networks from scratch on NumPy, every gradient written by hand.
<a href="GLOSSARY.html">Glossary</a></p>
"""


def prose(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def picture(notebook):
    """The first PNG among the outputs, base64, or None."""
    outputs = (output.get("data", {}) for cell in notebook["cells"] for output in cell.get("outputs", []))
    return next((data["image/png"] for data in outputs if "image/png" in data), None)


def thumbnail(png, width=480):
    """The same, smaller."""
    from PIL import Image

    image, small = Image.open(BytesIO(base64.b64decode(png))).convert("RGB"), BytesIO()
    image.thumbnail((width, width))
    image.save(small, "png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def entry(name, notebook):
    """A lesson's place in the index."""
    first, png = prose(notebook)[0], picture(notebook)
    title = first.splitlines()[0].removeprefix("# ")
    question = re.search(r"\*\*Question\.\*\* (.*)", first)[1]
    shown = f'<img alt="" src="data:image/png;base64,{thumbnail(png)}">' if png else ""
    words = html.escape(re.sub(r"[*`$]", "", question))
    return f'<li><a href="{name}.html">{shown}<h2>{html.escape(title)}</h2></a>{words}</li>'


def linked(page):
    """Links between lessons, and to the glossary, lead to the pages made here, others to the student's exercises."""
    page = page.replace('href="exercises/source/', 'href="exercises/release/')
    page = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', page)
    return page.replace('href="GLOSSARY.md', 'href="GLOSSARY.html').replace("</head>", STYLE + "</head>", 1)


def convert(notebook, title):
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True)
    node = nbformat.from_dict(notebook)
    node.cells = [cell for cell in node.cells if not cell.source.startswith(INSTALLS)]
    return linked(exporter.from_notebook_node(node, resources={"metadata": {"name": title}})[0])


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for path in sorted(HERE.glob("[0-9][0-9]_*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        entries.append(entry(path.stem, notebook))
        (folder / f"{path.stem}.html").write_text(convert(notebook, path.stem), encoding="utf-8")
    text = (HERE / "GLOSSARY.md").read_text(encoding="utf-8")
    cell = {"cell_type": "markdown", "id": "glossary", "metadata": {}, "source": text}
    glossary = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "GLOSSARY.html").write_text(convert(glossary, "Glossary"), encoding="utf-8")
    shutil.copytree(HERE / "exercises" / "release", folder / "exercises" / "release", dirs_exist_ok=True)
    (folder / "index.html").write_text(f"{INDEX}<ol>{''.join(entries)}</ol></html>\n", encoding="utf-8")
    print(f"{len(entries)} lessons: {folder / 'index.html'}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
