"""Files that were cut out of one packed file, put together again."""

import re
from collections.abc import Mapping
from typing import Final

#: A name that counts on: letters as ``split`` writes them, or digits.
_COUNTED: Final = re.compile(r"(.*?)([a-z]{2,3}|\d{1,4})")
#: How gzip, bzip2, xz, zip and a pack of git's begin, as they are and in base64.
_PACKED: Final = (
    b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK\x03\x04", b"PACK", b"# v", b"H4sI", b"QlpoO", b"/Td6", b"UEsD",
)  # fmt: skip


def whole(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """``files``, and what those of them make together whose names count on from one that begins packed.

    What is made is called after the first part, with ``…`` behind it.
    """
    groups: dict[str, list[str]] = {}
    for path in files:
        if (counted := _COUNTED.fullmatch(path)) is not None:
            groups.setdefault(counted[1], []).append(path)
    made = {}
    for parts in groups.values():
        first, *rest = sorted(parts, key=lambda path: (len(path), path))
        if rest and files[first].startswith(_PACKED):
            made[f"{first}…"] = b"".join(files[part] for part in (first, *rest))
    return {**files, **made}
