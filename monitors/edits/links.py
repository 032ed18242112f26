"""Links of a scaffold that lead out of it: what stands behind them is in no manifest."""

import posixpath
from collections.abc import Mapping
from typing import Final

ROOT: Final = "/agent"
_HOPS: Final = 40


def leaves(path: str, links: Mapping[str, str]) -> bool:
    """Whether the link ``path`` ends outside of the scaffold.

    Args:
        path: of the link, relative to the scaffold.
        links: all links of the version, path → target.

    One that never ends counts: nobody can say what it stands for.
    """
    at = posixpath.join(ROOT, path)
    for _ in range(_HOPS):
        link = _first_link(at, links)
        if link is None:
            return not (at == ROOT or at.startswith(f"{ROOT}/"))
        rest = at[len(ROOT) + 1 + len(link) :]
        target = posixpath.join(posixpath.dirname(posixpath.join(ROOT, link)), links[link])
        at = posixpath.normpath(target + rest)
    return True


def _first_link(at: str, links: Mapping[str, str]) -> str | None:
    """The outermost part of ``at`` that is a link of the scaffold."""
    if not at.startswith(f"{ROOT}/"):
        return None
    parts = at[len(ROOT) + 1 :].split("/")
    prefixes = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
    return next((prefix for prefix in prefixes if prefix in links), None)
