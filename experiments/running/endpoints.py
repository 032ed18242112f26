"""Whether the servers that a run needs answer, asked before anything of it is written."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

from experiments.planning.config import ModelEntry
from experiments.planning.plan import Planned
from sandbox.errors import Mistake, ModelFault

if TYPE_CHECKING:
    from sandbox.models.endpoint import Endpoint

_PROBE_SECONDS: Final = 10.0
_REFUSED_KEY: Final = (401, 403)


def check(episodes: Sequence[Planned], models: Sequence[ModelEntry], *, where: str) -> None:
    """Asks every endpoint of ``episodes`` for its models, once and all at a time.

    Args:
        episodes: what is about to run.
        models: the config's model entries, for messages.
        where: the config's file, for messages.

    Raises:
        Mistake: one does not answer, its key's variable is not set or refused, or two checkpoints give
            one endpoint two rates.
    """
    from sandbox.models.served import WIRES, endpoint_of

    families = [entry.family for entry in models]
    found: dict[tuple[str, str | None], tuple[Endpoint, str]] = {}
    for planned in episodes:
        if planned.line.provider in WIRES:
            endpoint = endpoint_of(planned.line.provider, planned.binding)
            key = f"models.{families.index(planned.line.checkpoint.family)}"
            before, _ = found.setdefault((endpoint.base_url, endpoint.key_variable), (endpoint, key))
            if before.rate != endpoint.rate:
                problem = f"{endpoint.base_url} has two rates"
                raise Mistake(problem, where=where, key=f"{key}.rate", remedy="give all its checkpoints one")
    if found:
        asyncio.run(_probe([_ask(endpoint, where, key) for endpoint, key in found.values()]))


async def _probe(asked: Sequence[Coroutine[Any, Any, None]]) -> None:
    for outcome in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _ask(endpoint: "Endpoint", where: str, key: str) -> None:
    """A server that has no list of models answers 404 and is taken; so is one that is busy."""
    from sandbox.models.endpoint import Unanswered

    variable = endpoint.key_variable
    try:
        answer = await endpoint.ask("GET", "models", None, seconds=_PROBE_SECONDS)
    except ModelFault as fault:
        remedy = f"export {variable}; the config names the variable and never holds the key"
        raise Mistake(str(fault), where=where, key=f"{key}.api_key_env", remedy=remedy) from None
    except Unanswered as error:
        problem = f"{endpoint.base_url} does not answer: {error}"
        raise Mistake(problem, where=where, key=f"{key}.base_url", remedy="start the server") from None
    if answer.status in _REFUSED_KEY:
        problem = f"{endpoint.base_url} answers {answer.status}"
        remedy = "name the key's variable" if variable is None else f"put a key that holds into {variable}"
        raise Mistake(problem, where=where, key=f"{key}.api_key_env", remedy=remedy)
    if answer.status >= 500:
        problem = f"{endpoint.base_url} answers {answer.status}"
        remedy = "wait until it has loaded its model"
        raise Mistake(problem, where=where, key=f"{key}.base_url", remedy=remedy)
