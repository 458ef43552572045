"""The socket that the server listens on, taken before anything is loaded, and the server that runs on it."""

import socket
from typing import Any

from pipeline.production.serving.params import ServeParams
from pipeline.stage import PARAMS_FILE, Fault

BACKLOG, LEAVE_S = 2048, 30  # connections that wait; seconds that answers under way have when the server is stopped


def listening(params: ServeParams) -> socket.socket:
    """A socket at the address. Raises Fault where it cannot be had."""
    family = socket.AF_INET6 if ":" in params.host else socket.AF_INET
    one = socket.socket(family, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind((params.host, params.port))
    except OSError as error:
        one.close()
        raise _taken(f"{params.host}:{params.port}", error) from None
    return one


def take(one: socket.socket) -> None:
    """Listen. Raises Fault where another server, which began at the same time, does so by now."""
    try:
        one.listen(BACKLOG)
    except OSError as error:
        raise _taken(f"port {one.getsockname()[1]}", error) from None


def _taken(where: str, error: OSError) -> Fault:
    fault = f"{where} cannot be listened on ({(error.strerror or str(error)).lower()})"
    return Fault(f"{PARAMS_FILE}: serve.port", fault, "free it, or name another with PORT=")


def run_on(one: socket.socket, app: Any) -> None:
    """Serve until somebody ends it."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="on",
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=LEAVE_S,
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[one])
