"""The containment self-test on a Ray cluster: taken on each container host, joined so that the worst decides."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from experiments.attempts.containment import worst_check
from experiments.attempts.ray_hosts import Host, answers_again, result
from sandbox.errors import Mistake

#: A host that takes one needs some ten seconds, a busy one more.
_SECONDS: Final = 300
_TRIES: Final = 2

Say = Callable[[str], None]


async def on_hosts(hosts: Sequence[Host], say: Say) -> dict[str, Any]:
    """The self-tests of all hosts as one document; see ``joined``. A host that is gone has none.

    Raises:
        Mistake: a host gave none though it lives, or none is left; names it.
    """
    say(f"self-test: boxes are tried on {len(hosts)} hosts (some 10 s where none is kept)")
    documents = await asyncio.gather(*(_of(host) for host in hosts))
    found = {host.name: document for host, document in zip(hosts, documents, strict=True) if document}
    if not found:
        raise Mistake(
            "no container host is left", where="Ray", remedy="start a node; the same command resumes"
        )
    return joined(found)


def joined(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One document of those of several hosts, by name.

    Each check has its worst result, with the hosts that have it where not all do; what regressed
    anywhere has regressed. ``machine`` is what all hosts have in common, ``taken`` the oldest of them,
    and ``hosts`` says of each its own machine, time, regressions and results.
    """
    names = dict.fromkeys(check["name"] for document in found.values() for check in document["checks"])
    by_host = {
        host: {check["name"]: check for check in document["checks"]} for host, document in found.items()
    }
    machines = [document["machine"] for document in found.values()]
    return {
        "checks": [_of_all(name, by_host) for name in names],
        "runtime": next(iter(found.values()))["runtime"],
        "machine": {
            key: value for key, value in machines[0].items() if all(m.get(key) == value for m in machines)
        },
        "regressed": [_on(host, line) for host, document in found.items() for line in document["regressed"]],
        "taken": min(document["taken"] for document in found.values()),
        "hosts": {host: _own(document) for host, document in found.items()},
    }


def _of_all(name: str, by_host: Mapping[str, Mapping[str, dict[str, str]]]) -> dict[str, str]:
    having = {host: checks[name] for host, checks in by_host.items() if name in checks}
    worst = worst_check(list(having.values()))
    who = [host for host, check in having.items() if check["result"] == worst["result"]]
    if len(who) == len(by_host):
        return worst
    return {**worst, "detail": f"on {', '.join(who)}: {worst['detail']}"}


def _on(host: str, line: str) -> str:
    """A line of what regressed, with its host after the check's name."""
    name, _, rest = line.partition(": ")
    return f"{name}: on {host}: {rest}"


def _own(document: Mapping[str, Any]) -> dict[str, Any]:
    results = {check["name"]: check["result"] for check in document["checks"]}
    return {key: document[key] for key in ("machine", "taken", "regressed")} | {"results": results}


async def _of(host: Host) -> dict[str, Any] | None:
    """The self-test of one host; None if the host is gone."""
    from ray.exceptions import RayActorError

    for _ in range(_TRIES):
        try:
            taken: dict[str, Any] = await asyncio.wait_for(result(host.runner.self_test.remote()), _SECONDS)
        except RayActorError:
            # Its runner's process died. Ray starts it again, unless the node is gone.
            if not await answers_again(host):
                return None
        except TimeoutError as error:
            raise _none(host, f"did not end within {_SECONDS} s") from error
        except Mistake as mistake:
            raise Mistake(str(mistake), where=f"node {host.name}") from mistake
        else:
            return taken
    raise _none(host, f"killed the runner {_TRIES} times")


def _none(host: Host, problem: str) -> Mistake:
    remedy = "`tidegauge selftest` there says more; or stop that node"
    return Mistake(f"the containment self-test {problem}", where=f"node {host.name}", remedy=remedy)
