"""Who the box's processes are, by the kernel's own account."""

from typing import Final

from sandbox.engine.hardening import AGENT_VARIABLE, RUNNER_CAPABILITIES
from sandbox.selftest.checks import Outcome, holds
from sandbox.selftest.host.kit import judge
from sandbox.selftest.host.observed import NAMESPACES, Observed

#: Numbers of the capabilities that the runner keeps.
_NUMBERS: Final = {"DAC_READ_SEARCH": 2, "KILL": 5, "SETGID": 6, "SETUID": 7, "SETPCAP": 8}
_RUNNER_BITS: Final = sum(1 << _NUMBERS[name] for name in RUNNER_CAPABILITIES)
_SETS: Final = ("Inh", "Prm", "Eff", "Bnd", "Amb")
_REMAP: Final = "run the engine with userns-remap"


@judge("runner_capabilities", "the running runner has these capabilities")
def _runner_capabilities(seen: Observed) -> Outcome:
    found = seen.runner.capabilities("Eff") | seen.runner.capabilities("Bnd")
    return holds(found == _RUNNER_BITS, f"{found:#x} where {_RUNNER_BITS:#x} is meant")


@judge("agent_capabilities", "the agent's processes have none in any set")
def _agent_capabilities(seen: Observed) -> Outcome:
    return holds(not any(seen.agent.capabilities(kind) for kind in _SETS), "five sets")


@judge("forwarder_capabilities", "the door's forwarder has none in any set")
def _forwarder_capabilities(seen: Observed) -> Outcome:
    return holds(not any(seen.forwarder.capabilities(kind) for kind in _SETS), "five sets")


@judge("users", "runner, forwarder and agent are three users")
def _users(seen: Observed) -> Outcome:
    found = {seen.runner.uid, seen.forwarder.uid, seen.agent.uid}
    return holds(len(found) == 3, ", ".join(map(str, sorted(found))))


@judge("agent_user", "the agent's user is the one that was drawn for this box")
def _agent_user(seen: Observed) -> Outcome:
    environment = seen.container["Config"].get("Env") or []
    drawn = next(
        (entry.partition("=")[2] for entry in environment if entry.startswith(f"{AGENT_VARIABLE}=")), ""
    )
    return holds(drawn.isdigit() and seen.agent.uid - seen.runner.uid == int(drawn), f"user {seen.agent.uid}")


@judge("user_map", "the box's root is nobody on the host")
def _user_map(seen: Observed) -> Outcome:
    if seen.runner.uid == 0:
        return "accepted", f"the runner is the host's user 0, with five capabilities; {_REMAP}"
    return "held", f"user {seen.runner.uid}"


@judge("groups_of_agent", "the agent is in no group but its own")
def _groups_of_agent(seen: Observed) -> Outcome:
    groups = set(seen.agent.status["Gid"].split()) | set(seen.agent.status["Groups"].split())
    return holds(groups == {str(seen.agent.uid)}, ", ".join(sorted(groups)))


def _of_each(name: str, meaning: str, field: str, wanted: str) -> None:
    """A check of one field of status of the runner, the forwarder and the agent."""

    def look(seen: Observed) -> Outcome:
        found = [process.status.get(field) for process in (seen.runner, seen.forwarder, seen.agent)]
        return holds(found == [wanted] * 3, f"{field}: {', '.join(map(str, found))}")

    judge(name, meaning)(look)


_of_each("filters", "a filter of system calls is on in all three", "Seccomp", "2")
_of_each("no_new_privileges", "none of the three raises its rights", "NoNewPrivs", "1")


@judge("memory_killer", "the agent is killed for memory before the runner")
def _memory_killer(seen: Observed) -> Outcome:
    agent, runner = seen.agent.oom_score_adj, seen.runner.oom_score_adj
    return holds(agent > runner, f"{agent} against {runner}")


def _namespace(name: str) -> None:
    def look(seen: Observed) -> Outcome:
        box, host = seen.namespaces[name]
        if not box:
            return "untestable", "EACCES: only root may look"
        if name == "user" and box == host:
            return "accepted", f"it is the host's; {_REMAP}"
        return holds(box != host, box)

    judge(f"namespace_{name}", f"its own namespace: {name}")(look)


for _name in NAMESPACES:
    _namespace(_name)
