"""Who works in a box, by the users of its image."""

import re
from dataclasses import dataclass, replace
from typing import Final

from sandbox.errors import EngineFault

_NUMBER: Final = re.compile(r"^\d{1,9}$")
#: Users and groups that the runner may become; the kernel's own bound is higher, a remapped range's is not.
_MOST: Final = 65_535


@dataclass(frozen=True, slots=True)
class Person:
    """A user of an image: its ids, and where its home is."""

    name: str
    user: int
    group: int
    home: str


def person_of(asked: str, users: str, groups: str = "") -> Person:
    """The user that an image's or a task's ``asked`` means: a name or a number, with a group's or without.

    Args:
        asked: such as ``root``, ``app``, ``1000``, ``1000:1000`` or ``app:staff``.
        users: the image's /etc/passwd.
        groups: its /etc/group.

    Raises:
        EngineFault: the image has no such user or group.
    """
    name, _, group = asked.partition(":")
    known = _by_name(users)
    if _NUMBER.match(name):
        found = next((person for person in known.values() if person.user == int(name)), None)
        found = found or Person(name, int(name), 0, "/")
    elif name == "root":
        found = known.get(name, Person(name, 0, 0, "/root"))
    elif name in known:
        found = known[name]
    else:
        raise EngineFault(f"the image has no user {name!r}", "image")
    if group:
        found = replace(found, group=_group(group, groups))
    if max(found.user, found.group) > _MOST:
        raise EngineFault(f"the user {asked!r} has a number above {_MOST}", "image")
    return found


def _group(asked: str, groups: str) -> int:
    if _NUMBER.match(asked):
        return int(asked)
    for line in groups.splitlines():
        name, *rest = line.split(":")
        if name == asked and len(rest) == 3 and _NUMBER.match(rest[1]):
            return int(rest[1])
    raise EngineFault(f"the image has no group {asked!r}", "image")


def _by_name(users: str) -> dict[str, Person]:
    found = {}
    for line in users.splitlines():
        parts = line.split(":")
        if len(parts) == 7 and _NUMBER.match(parts[2]) and _NUMBER.match(parts[3]):
            found[parts[0]] = Person(parts[0], int(parts[2]), int(parts[3]), parts[5] or "/")
    return found
