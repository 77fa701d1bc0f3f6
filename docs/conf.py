"""How the site is built: `sphinx-build -W -n --keep-going docs docs/_build/html`.

Nothing is fetched from a network: there are no links into other projects' sites. Pages with a
`kernelspec` in their head are run from clean at every build; an error in one of them fails the
build.
"""

import inspect
import re
import sys
from importlib import import_module
from importlib.metadata import version as version_of

from docutils.nodes import Element, SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from docutils.writers.html5_polyglot import HTMLTranslator
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.pycode import ModuleAnalyzer

project = "Xylograph"
author = "the Xylograph developers"
project_copyright = author
version = release = version_of("xylograph")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "_templates", "jupyter_execute"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_sphinx = False
# Written into the pages; MathJax would be fetched from a network by whoever reads them.
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["math.css"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# From clean, in a folder of its own: a page may write files, and sees none of an earlier build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_render_markdown_format = "myst"  # which has tables

autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
# As fields of the class: each attribute of a dataclass would otherwise be described twice.
napoleon_use_ivar = True

# Docstrings mark code with one backquote on each side, as Markdown does.
default_role = "code"

nitpick_ignore_regex = [
    # Types of the standard library and of other projects: there is nothing here to link to.
    (
        r"py:.*",
        r"(abc|collections|concurrent|contextlib|enum|jax|jaxlib|jaxtyping|np|npt|numpy|optax|os|pathlib)\..*",
    ),
    (r"py:.*", r"(matplotlib|rich)\..*|Axes|Figure|ndarray"),
    # jaxtyping's shapes, which look like references to what they name.
    (r"py:class", r"'.*|.*'"),
    # Names in signatures that are no public names: type variables, and classes nobody makes.
    (r"py:.*", r"xylograph\..*\.(F|M|N|In_contra|Out_co)"),
    (r"py:class", r"Tree|HasResponses|Num"),
    (r"py:.*", r"xylograph\..*\.(Container|Declaration|ParameterBase|Range|Session)"),
    (r"py:.*", r"xylograph\..*\.(BoardHandle|SpikingJax|Structure)"),
    # A default of `<factory>` keeps Sphinx from reading a signature: it cuts it at the commas.
    (r"py:class", r"list\[dict\[str"),
]

# Where each public name is described. One that several packages export is described in the first
# of these, and the others name it only.
_PACKAGES = (
    "xylograph.models",
    "xylograph.models.training",
    "xylograph.models.time_series",
    "xylograph.hw",
    "xylograph.hw.boards",
    "xylograph.hw.engines",
    "xylograph.hw.frontends",
    "xylograph.mapping",
    "xylograph.mapping.passes",
    "xylograph.mapping.quantize",
    "xylograph.tools.datasets",
    "xylograph.tools.demo",
    "xylograph.tools.doctor",
    "xylograph.tools.frontends",
    "xylograph",
)


def _own_name(thing: object, name: str) -> str:
    return getattr(thing, "__name__", name)


def _homes() -> dict[str, str]:
    """The full name under which each public name is described."""
    described: dict[int, str] = {}
    homes = {}
    for package in _PACKAGES:
        module = import_module(package)
        # A class of two names is described under that which it knows itself.
        names = sorted(module.__all__, key=lambda n, m=module: _own_name(getattr(m, n), n) != n)
        for name in names:
            full_name = f"{package}.{name}"
            homes[full_name] = described.setdefault(id(getattr(module, name)), full_name)
    return homes


autosummary_context = {"homes": _homes()}


def setup(app: Sphinx) -> None:
    """Prepare docstrings before napoleon reads them, correct what it makes of them; equations."""
    app.connect("autodoc-process-docstring", _prepare_docstring, priority=100)
    app.connect("autodoc-process-docstring", _separate_names, priority=900)
    app.add_html_math_renderer("mathml", (_write_inline_math, None), (_write_math, None))


def _write_inline_math(writer: HTMLTranslator, node: Element) -> None:
    writer.body.append(_mathml(node, as_block=False))
    raise SkipNode


def _write_math(writer: HTMLTranslator, node: Element) -> None:
    writer.body.append(_mathml(node, as_block=True))
    raise SkipNode


def _mathml(node: Element, as_block: bool) -> str:
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        raise ExtensionError(f"{node.source}, line {node.line}: {error}") from error


def _prepare_docstring(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    if what == "data":
        lines[:] = _text_below_assignment(name.rpartition(".")[2], obj)
    if what in ("attribute", "data", "property") and lines:
        # Napoleon takes the words before a colon in the first line for a type: give it none.
        lines[0] = f": {lines[0]}"
    _tables_as_blocks(lines)
    # Markdown lets code stand before a letter or a bracket, as in `1_LIFJax`[17].
    lines[:] = [re.sub(r"(`[^`]+`)(?=[\w\[(])", r"\1\\ ", line) for line in lines]


def _tables_as_blocks(lines: list[str]) -> None:
    """Write the rows of Markdown tables as reStructuredText list tables."""
    rows = [re.fullmatch(r"( *)\| (.*) \|", line) for line in lines]
    for number, row in reversed(list(enumerate(rows))):
        if row is None:
            continue
        indent, cells = row[1], row[2].split(" | ")
        written = [
            f"{indent}   {'* -' if n == 0 else '  -'} {cell}" for n, cell in enumerate(cells)
        ]
        if number == 0 or rows[number - 1] is None:
            written = [f"{indent}.. list-table::", f"{indent}   :header-rows: 1", "", *written]
        lines[number : number + 1] = [] if set(row[2]) <= set("-| ") else written


def _separate_names(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Make `:ivar a, b: text`, which Sphinx reads as a name and its type, one field a name."""
    text = re.sub(
        r"^:ivar (\w+(?:, \w+)+):(.*(?:\n +.*)*)",
        lambda field: "\n".join(f":ivar {one}:{field[2]}" for one in field[1].split(", ")),
        "\n".join(lines),
        flags=re.MULTILINE,
    )
    lines[:] = text.split("\n")


def _text_below_assignment(name: str, value: object) -> list[str]:
    """The string below the line that defines a public value.

    Python does not keep it; what autodoc finds is the docstring of `dict` or `tuple`.
    """
    for module_name in sorted(module for module in sys.modules if module.startswith("xylograph")):
        module = sys.modules[module_name]
        if inspect.getattr_static(module, name, None) is value:
            texts = ModuleAnalyzer.for_module(module_name).find_attr_docs()
            if ("", name) in texts:
                return texts["", name]
    return []
