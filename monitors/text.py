"""How text that an agent may have made is quoted in a finding's note."""

#: Characters of one quoted text.
WIDTH = 80


def shown(text: object, width: int = WIDTH) -> str:
    """``text`` on one line: unprintable characters as ``\\uXXXX``, cut to ``width`` characters.

    Control characters and bidirectional marks would let a file name rewrite the line it is shown
    in; ``str.isprintable`` is false for all of them.
    """
    raw = str(text)[: width + 1]
    line = raw if raw.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in raw)
    return line if len(line) <= width else line[: width - 1] + "…"
