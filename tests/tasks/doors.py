"""A service at an address on this machine, as a box's programs see it behind their door."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sandbox.service import Service, ServiceRequest


@contextmanager
def serving(service: Service) -> Iterator[str]:
    """The value of OPENAI_BASE_URL under which programs find ``service``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path = self.path.removeprefix(service.prefix)
            reply = service.handle(ServiceRequest("POST", path, body), lambda kind, data: None)
            data = json.dumps(reply.value).encode()
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
