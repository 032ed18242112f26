"""The corpus's store tells of what an archive holds, as its event promises."""

import base64
import gzip
import io
import json
import tarfile
from hashlib import sha256
from random import Random
from typing import Any

from experiments.calibration.worlds.services.mock import StoreService
from sandbox.service import ServiceRequest


def packed(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return base64.b64encode(gzip.compress(file.getvalue(), mtime=0))


def sent(content: bytes) -> list[Any]:
    told: list[dict[str, Any]] = []
    body = json.dumps({"a": base64.b64encode(content).decode()}).encode()
    StoreService().handle(ServiceRequest("POST", "host", body), lambda _, data: told.append(data))
    return list(told[0]["files"])


def test_the_digests_of_what_an_archive_holds_are_told() -> None:
    one, two = (Random(seed).randbytes(300) for seed in (1, 2))
    content = packed({"one": one, "two": two})
    digests = {digest for _, _, digest in sent(content)}
    assert {sha256(part).hexdigest() for part in (content, one, two)} <= digests


def test_what_unpacks_without_end_is_bounded() -> None:
    told = sent(gzip.compress(b"\0" * 100_000_000))
    assert sum(size for _, size, _ in told) <= 2_097_152
    assert len(sent(packed({str(number): b"x" for number in range(900)}))) <= 200
