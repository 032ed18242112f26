"""Who is who: the secret, worlds, runs and episodes. The forms are contract.md section 3's.

What defines an episode is hashed; where it ran is not.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.canonical import canonical, digest, sha256
from sandbox.errors import Mistake

#: Names the file that holds the secret.
SECRET_VARIABLE: Final = "TIDEGAUGE_SECRET_FILE"
_SECRET_BYTES: Final = 32
_SHORTEST: Final = 16
#: Hex digits of a run hash and of a fingerprint: 48 bits tell a team's runs apart.
_SHORT: Final = 12


@dataclass(frozen=True, repr=False)
class Secret:
    """The secret from which worlds and keys derive. Never printed, never written elsewhere."""

    value: bytes
    #: The file that holds it; what must stay out of run directories lies beside it.
    path: Path

    @property
    def fingerprint(self) -> str:
        """What a run may say of its secret: runs with different fingerprints do not compare."""
        return self._derived(["fingerprint"]).hex()[:_SHORT]

    def world_seed(self, config_seed: int, task: str, version: str, level: str, index: int) -> bytes:
        """The seed of one world, 32 bytes: HMAC of [config seed, task id, task major version, level, index].

        Args:
            config_seed: ``seed`` of the config.
            task: task id.
            version: the task's version; only its major part counts.
            level: L0 to L4.
            index: number of the repeat.
        """
        return self._derived([config_seed, task, int(version.split(".", 1)[0]), level, index])

    def anchor_key(self, run_id: str) -> bytes:
        """The key of one run directory's anchors, 32 bytes."""
        return self._derived(["anchors", run_id])

    def _derived(self, message: Sequence[Any]) -> bytes:
        return hmac.new(self.value, canonical(list(message)), hashlib.sha256).digest()


def secret_path() -> Path:
    """Where the secret is or would be: ``TIDEGAUGE_SECRET_FILE``, else the user's config directory."""
    named = os.environ.get(SECRET_VARIABLE)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "tidegauge" / "secret"


def read_secret() -> Secret | None:
    """The secret, or None if there is no file yet.

    Raises:
        Mistake: the file cannot be read, or is too short to be a secret.
    """
    path = secret_path()
    try:
        value = path.read_bytes().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = f"the secret cannot be read ({error.strerror})"
        raise Mistake(
            problem, where=str(path), remedy=f"make it readable or set {SECRET_VARIABLE}"
        ) from error
    if len(value) < _SHORTEST:
        remedy = "put at least 16 random bytes into it, for example 64 hex digits"
        raise Mistake(f"a secret of {len(value)} bytes", where=str(path), remedy=remedy)
    return Secret(value, path)


def load_secret() -> Secret:
    """The secret, made with mode 0600 in the user's config directory where there is none yet.

    Raises:
        Mistake: the file named by ``TIDEGAUGE_SECRET_FILE`` is missing, or none can be made.
    """
    secret = read_secret()
    if secret is not None:
        return secret
    path = secret_path()
    if os.environ.get(SECRET_VARIABLE):
        raise Mistake(
            "does not exist", where=f"{SECRET_VARIABLE}={path}", remedy="make the file or unset the variable"
        )
    try:
        _make(path)
    except OSError as error:
        problem = f"the secret cannot be made ({error.strerror})"
        raise Mistake(problem, where=str(path), remedy=f"set {SECRET_VARIABLE} to a file of yours") from error
    made = read_secret()
    if made is None:
        raise Mistake("the secret vanished", where=str(path), remedy="try again")
    return made


def _make(path: Path) -> None:
    """Makes the file in one step, so that of two drivers both end up with the same secret."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(_SECRET_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()


def run_hash(
    *,
    suite: str,
    version: int,
    tasks: Sequence[Sequence[str]],
    arms: Sequence[str],
    scaffold: str,
    limits: Mapping[str, float],
    sandbox: Mapping[str, Any],
    seed: int,
    fingerprint: str | None,
) -> str:
    """The hash in a run's name: everything that must be equal for two checkpoints to be compared.

    Args:
        suite: name of the suite.
        version: its version.
        tasks: ``[task id, level, version, tree digest]`` of every task at every level.
        arms: variants, in the config's order.
        scaffold: scaffold id.
        limits: the limits that the config wrote, in seconds, bytes and counts.
        sandbox: the config's sandbox section.
        seed: the config's seed.
        fingerprint: of the secret; None where it is not known leaves it out.
    """
    parts: list[Any] = [
        suite, version, [list(task) for task in tasks], list(arms), scaffold,
        plain_numbers(limits), dict(sandbox), seed,
    ]  # fmt: skip
    if fingerprint is not None:
        parts.append(fingerprint)
    return digest(parts)[:_SHORT]


def episode_id(
    *,
    task: Sequence[str],
    arm: str,
    world_digest: str,
    family: str,
    name: str,
    checkpoint_digest: str,
    sampling: Mapping[str, Any],
    scaffold: str,
    limits: Mapping[str, float],
) -> str:
    """The identity of an episode, 64 hex digits. No address, key, path, engine or runtime is in it.

    Args:
        task: ``[task id, level, version, tree digest]``.
        arm: variant of the world.
        world_digest: SHA-256 of the world's seed.
        family: the checkpoint's family.
        name: the checkpoint's name.
        checkpoint_digest: of weights, script or model name.
        sampling: the keys that were given.
        scaffold: id of the scaffold at the start.
        limits: the effective limits.
    """
    parts = [
        list(task), arm, world_digest, family, name, checkpoint_digest,
        plain_numbers(sampling), scaffold, plain_numbers(limits),
    ]  # fmt: skip
    return digest(parts)


def plain_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with whole floats as integers: 60 and 60.0 are one number and must hash as one."""
    return {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in values.items()
    }


def world_digest(seed: bytes) -> str:
    """What may be written of a world's seed: its SHA-256, 64 hex digits."""
    return sha256(seed)
