"""What the YAML parser stumbled over, in words."""

import re

from ruamel.yaml.error import MarkedYAMLError

from models.config_document import Document
from models.config_problems import Spot

_TAB = re.compile(r"^ *\t")


def note_syntax(document: Document, text: str, error: MarkedYAMLError, line: int, column: int) -> None:
    """Word what the YAML parser stumbled over. It cannot read on; only tabs are all found at once."""
    mark = error.problem_mark or error.context_mark
    said = (error.problem or "not YAML").strip()
    file = document.root.file
    if "'\\t'" in said:
        for number, content in enumerate(text.splitlines()):
            if found := _TAB.match(content):
                spot = Spot(file, line + number, found.end() + (column - 1 if number == 0 else 0))
                document.breaks(spot, "a tab in the indentation", "spaces")
    if not document.broken:
        spot = Spot(file, line, column)
        if mark is not None:
            spot = Spot(file, line + mark.line, mark.column + (column if mark.line == 0 else 1))
        if said == "mapping values are not allowed here":
            message = "a ':' where no key can be: the indentation is wrong, or a value with ': ' lacks quotes"
            hint = "the key in the column of its neighbours, or the value in quotes"
        else:
            opened = error.context_mark
            where = f" ({error.context}, from line {line + opened.line})" if error.context and opened else ""
            message, hint = f"not YAML: {said}{where}", "what closes it, or quotes around the text"
        document.breaks(spot, message, hint)
