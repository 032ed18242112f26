"""The one door of a box, host side: the model API and the task's services at its ``127.0.0.1:8000``.

One door per episode: the socket is the identity, so nothing a client sends says who it is. The in-box
runner hands over the listener, or else forwards to the door's unix socket.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Self

from sandbox.door.apis.anthropic import Anthropic
from sandbox.door.apis.base import Api, document
from sandbox.door.apis.openai import OpenAI
from sandbox.door.apis.responses import Responses
from sandbox.door.budget import Budget
from sandbox.door.gateway import Gateway
from sandbox.door.httpserver import HttpServer
from sandbox.errors import HostFault
from sandbox.http import Address, Bounds, Place, Refused, Request, Response, unavailable
from sandbox.models.base import Model
from sandbox.service import Service, ServiceRequest

#: Refusals that are recorded one by one; further ones are only counted, and answered slowly so
#: that a box that does nothing else cannot keep the host busy.
_RECORDED_REFUSALS: Final = 1000
_SLOW: Final = 0.1
_PATH_CHARS: Final = 200
#: Headers that claim rights of whoever asks. The door knows none: what is granted stands in no request.
_CLAIMS: Final = re.compile(r"quota|limit|budget|override|bypass|unlimited|admin|privilege")
_RECORDED_CLAIMS: Final = 100

_OPENAI: Final[Api] = OpenAI()
_ANTHROPIC: Final[Api] = Anthropic()
_MODEL_PATHS: Final[dict[str, Api]] = {
    "/v1/chat/completions": _OPENAI, "/v1/responses": Responses(), "/v1/messages": _ANTHROPIC,
}  # fmt: skip


class Door:
    """Serves one box from entering the context to leaving it.

    Nothing that a client does raises out of here. What went wrong on the host's side is kept in
    ``fault`` and announced by ``faulted``: a ``ModelFault``, or whatever ``record``, ``hold`` or a
    service raised. From then on every request is answered 503.

    Args:
        place: the box's own listener, or where to bind a unix socket, in a directory that only the host's user can enter.
        model: the episode's model; None: the model endpoints do not exist (grading).
        services: the task's services, each under its own prefix.
        budget: the episode's grant of turns and tokens.
        record: writes an event: source, kind, data. Sources are ``gateway`` and ``service``.
        hold: awaited for each model call that the budget admits, before it is answered; given the caller's end.
        sampling: the episode's sampling, which the agent cannot change but for a lower max_tokens.
        keep: keeps, under its digest, a reply that is too long for its event.
        look: is shown all that a request says: whether to the model or to a service, content, address.
        bounds: sizes, times and numbers granted to clients.
    """

    def __init__(
        self,
        place: Place,
        model: Model | None,
        services: Sequence[Service],
        budget: Budget,
        record: Callable[[str, str, dict[str, Any]], None],
        *,
        hold: Callable[[Address | None], Awaitable[None]] | None = None,
        sampling: Mapping[str, Any] | None = None,
        keep: Callable[[bytes], None] = lambda content: None,
        look: Callable[[str, bytes, str], None] = lambda where, content, what: None,
        bounds: Bounds | None = None,
    ) -> None:
        self.budget = budget
        #: The first host-side failure, or None.
        self.fault: Exception | None = None
        self.faulted = asyncio.Event()
        #: Requests refused so far.
        self.refusals = 0
        self._record = record
        self._claimed: set[tuple[str, str]] = set()
        self._look = look
        self._services = tuple(services)
        self._gateway: Gateway | None = None
        if model is not None:
            emit = partial(record, "gateway")
            self._gateway = Gateway(
                model, budget, dict(sampling or {}), emit, hold, self.faulted, self.fail, keep
            )
        self._server = HttpServer(place, self, bounds or Bounds())

    async def __aenter__(self) -> Self:
        """Begins to listen.

        Raises:
            HostFault: it could not be bound.
        """
        try:
            await self._server.open()
        except OSError as error:
            raise HostFault(f"the door's socket could not be bound: {error}", cause="door") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drops every connection, cancels the call at hand and removes the socket."""
        await self.finish()
        await self._server.close()
        # They refer to this, and would keep all of the episode until the collector of cycles comes by.
        del self._server
        self._gateway = None

    async def finish(self) -> None:
        """Admits no further model call, and ends a streamed one: what went out of it is charged and recorded."""
        if self._gateway is not None:
            await self._gateway.finish()

    @property
    def waited(self) -> float:
        """Seconds that model calls waited for a rate limit or for a failing provider, so far."""
        return 0.0 if self._gateway is None else self._gateway.wait.seconds

    async def answer(self, request: Request) -> Response:
        """Answers a well-formed request."""
        api = _form(request.path, request.headers)
        try:
            if self.fault is not None:
                raise unavailable()
            return await self._route(request, api)
        except Refused as refusal:
            return self._refuse(refusal, request.path, api)
        except Exception as error:
            self.fail(error)
            return self._refuse(unavailable(), request.path, api)

    def refuse(self, refusal: Refused, path: str) -> Response:
        """Answers what was refused before it was a request."""
        return self._refuse(refusal, path, _form(path, {}))

    def fail(self, error: Exception) -> None:
        """Keeps the first host-side failure for the episode."""
        if self.fault is None:
            self.fault = error
            self.faulted.set()

    def _show(self, request: Request) -> None:
        """Shows what the request says; a model call's own content is the model's to read."""
        said = " ".join([request.target, *request.headers.values()]).encode("utf-8", "replace")
        self._look("service", said, request.path)
        self._look("model" if request.path in _MODEL_PATHS else "service", request.body, request.path)
        # A service knows itself which headers it takes, and tells of them.
        if not any(request.path.startswith(service.prefix) for service in self._services):
            for name in request.headers:
                if _CLAIMS.search(name) is not None:
                    self._tell_claim(name, request)

    def _tell_claim(self, name: str, request: Request) -> None:
        """Records a header that claims rights, once for each address."""
        if (name, request.path) in self._claimed or len(self._claimed) >= _RECORDED_CLAIMS:
            return
        self._claimed.add((name, request.path))
        told = {"header": name, "value": request.headers[name], "path": request.path}
        self._record("gateway", "door.claim", {key: text[:_PATH_CHARS] for key, text in told.items()})

    async def _route(self, request: Request, api: Api) -> Response:
        began = time.thread_time()
        self._show(request)
        # What is packed in it, or looks so, can cost a thousand times what its bytes say.
        await self._server.charge(time.thread_time() - began)
        for service in self._services:
            if request.path.startswith(service.prefix):
                return self._serve(service, request)
        if self._gateway is not None:
            if request.method == "POST" and request.path in _MODEL_PATHS:
                return await self._gateway.call(_MODEL_PATHS[request.path], request.body, request.client)
            if request.method == "GET" and request.path == "/v1/models":
                return api.models()
        raise Refused(404, "not_found", "there is nothing at this address", retry=False)

    def _serve(self, service: Service, request: Request) -> Response:
        rest = request.target.removeprefix(service.prefix)
        reply = service.handle(
            ServiceRequest(request.method, rest, request.body, request.headers),
            partial(self._record, "service"),
        )
        return document(reply.value, reply.status)

    def _refuse(self, refusal: Refused, path: str, api: Api) -> Response:
        self.refusals += 1
        response = api.refusal(refusal)
        if self.refusals > _RECORDED_REFUSALS:
            return replace(response, delay=_SLOW)
        data = {"status": refusal.status, "reason": refusal.reason, "path": path[:_PATH_CHARS]}
        try:
            self._record("gateway", "model.refused", data)
        except Exception as error:
            self.fail(error)
        return response


def _form(path: str, headers: Mapping[str, str]) -> Api:
    """The API in whose form a request is answered: by its address, else by Anthropic's own header."""
    if path.startswith("/v1/messages") or "anthropic-version" in headers:
        return _ANTHROPIC
    return _OPENAI
