"""The templates of the page, with the words that they may use."""

from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from crosstide.report import meanings, words
from models.symptoms import say
from models.times import to_milliseconds


def template(with_day: bool) -> Template:
    """Load the page's template; `with_day`: times carry their date. Everything set into it is escaped."""
    environment = Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "duration": words.duration,
        "number": words.number,
        "clock": lambda at_ms: words.clock(at_ms, with_day),
        "when": lambda text: words.clock(to_milliseconds(text), with_day),
        "milliseconds": to_milliseconds,
        "plain": lambda text: str(text).replace("_", " "),
        "share": _share,
        "meaning": meanings.meaning,
        "say": say,
    }
    environment.globals |= {
        "css": Markup(_asset("report.css")),
        "js": Markup(_asset("report.js")),
        "detectors": meanings.DETECTORS,
    }
    return environment.get_template("report.html.j2")


def _asset(name: str) -> str:
    return files("crosstide.report").joinpath(name).read_text(encoding="utf-8")


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.0f} %"
