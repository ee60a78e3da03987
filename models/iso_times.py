"""Many times at once: whole milliseconds, or ISO 8601 as every producer of ours writes it.

Only that one form is read here, since only one form makes a column; for all others `models.times` is there.
"""

from collections.abc import Sequence

import numpy as np

from models.columns import Array

_FORM = np.frombuffer(b"0000-00-00T00:00:00.000Z", np.uint8)
#: What stands in each place of the form, and how much above it is still right: nothing over a mark, 9 over a digit.
_ABOVE = np.where(np.isin(_FORM, _FORM[0]), 9, 0).astype(np.uint8)


def epoch_ms(stamps: Sequence[int | str]) -> Array | None:
    """Answer epoch ms, as `models.times.to_milliseconds` would one by one.

    None unless all are whole numbers, or all are right times of the form `2026-01-05T00:00:00.000Z`.
    """
    kinds = set(map(type, stamps))
    if kinds <= {int}:
        return np.array(stamps, np.int64)
    if kinds != {str} or set(map(len, stamps)) != {len(_FORM)}:  # type: ignore[arg-type]
        return None
    text = "".join(stamps)  # type: ignore[arg-type]
    return _of_form(text.encode()) if text.isascii() else None


def _of_form(text: bytes) -> Array | None:
    letters = np.frombuffer(text, np.uint8).reshape(-1, len(_FORM))
    # unsigned: what is below its place in the form comes out far above 9
    wrong = (letters - _FORM > _ABOVE).any()
    if wrong or (letters[:, :4] == ord("0")).all(axis=1).any():  # Python knows no year 0, numpy does
        return None
    plain = np.ascontiguousarray(letters[:, :-1]).view(f"S{len(_FORM) - 1}")[:, 0]
    try:
        return np.asarray(plain.astype("M8[ms]").astype(np.int64))
    except ValueError:
        return None
