"""Requests of the one form in which nearly all come, read and answered at a tenth of what a parser of all HTTP takes.

What is of that form means the same to h11, which reads everything else.
"""

import re
from typing import Final

from sandbox.http import Address, Request, Response

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: Of ``name: value`` alone, in ASCII, without blanks around either.
_HEAD: Final = re.compile(
    rf"(GET|POST) (/[!-~]*) HTTP/1\.1\r\n((?:{_TOKEN}: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n"
)
_LENGTH: Final = re.compile("0|[1-9][0-9]{0,6}")


def plain_request(data: bytes, most: int, client: Address | None) -> Request | None:
    """The one request that ``data`` holds from its first byte to its last; None if it does not, or not in this form.

    ``most``: bytes of its request line and headers.
    """
    end = data.find(b"\r\n\r\n", 0, most) + 4
    head = _HEAD.fullmatch(data[:end].decode("latin-1")) if end > 3 else None
    if head is None:
        return None
    method, target, lines = head.groups()
    fields = [line.split(": ", 1) for line in lines.split("\r\n")[:-1]]
    headers = {name.lower(): value for name, value in fields}
    length = headers.get("content-length", "0")
    if len(headers) < len(fields) or "host" not in headers:
        return None
    if "transfer-encoding" in headers or headers.get("connection", "keep-alive") != "keep-alive":
        return None
    if _LENGTH.fullmatch(length) is None or int(length) != len(data) - end:
        return None
    return Request(method, target, headers, data[end:], client)


def plain_response(response: Response) -> bytes | None:
    """A response that lies ready in one part, as it is sent; None for any other."""
    if len(response.parts) != 1 or response.coming is not None:
        return None
    (body,) = response.parts
    headers = (("Content-Type", response.content_type), *response.headers, ("Content-Length", str(len(body))))
    told = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {response.status} \r\n{told}\r\n".encode("ascii") + body
