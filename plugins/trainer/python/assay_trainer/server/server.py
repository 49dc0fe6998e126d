"""The thread in which the server lives: one loop that answers HTTP and, between, lets the engine compute."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from concurrent.futures import Future

from .api import Api
from .engine import Engine, Session
from .http import Connection

LOCK_RETRY_SECONDS = 0.005
BREATH_SECONDS = 0.1
"""A thread that waits for the session's lock gets it at least this often."""


class Server:
    """A server for the weights of a session. One thread does it all: a second one would only contend for the interpreter."""

    def __init__(self, session: Session, engine: Engine, host: str, port: int, model: str) -> None:
        self._session = session
        self._engine = engine
        self._address = (host, port)
        self._model = model
        self._stopping = False
        self._connections: set[Connection] = set()
        self._started: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, name="policy-server", daemon=True)
        self._thread.start()
        self.url = self._started.result()

    def stop(self) -> None:
        """Answers 503 to what is running and ends the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._begin_stop)
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    def _begin_stop(self) -> None:
        self._stopping = self._api.is_stopping = True
        self._work.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = asyncio.Event()
        self._api = Api(self._session, self._engine, self._model, self._work.set)
        host, port = self._address
        listener = await self._loop.create_server(
            lambda: Connection(self._api.answer, self._connections), host, port, backlog=1024
        )
        port = listener.sockets[0].getsockname()[1]
        self._started.set_result(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1")
        while not self._stopping:
            await self._compute()
        listener.close()
        self._engine.fail_all("the server is shutting down", 503)
        # The answers go out before the connections close.
        for connection in list(self._connections):
            connection.close()
        await asyncio.sleep(0)

    async def _compute(self) -> None:
        """Steps while there is work; calls are answered between two steps."""
        self._work.clear()
        breath = self._loop.time() + BREATH_SECONDS
        while self._engine.has_work and not self._stopping:
            if not self._session.lock.acquire(blocking=False):
                await asyncio.sleep(LOCK_RETRY_SECONDS)
                continue
            try:
                self._engine.step()
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                self._engine.fail_all(f"the server could not compute: {type(error).__name__}: {error}")
            finally:
                self._session.lock.release()
            is_late = self._loop.time() > breath
            await asyncio.sleep(0.001 if is_late else 0)
            if is_late:
                breath = self._loop.time() + BREATH_SECONDS
        if not self._stopping:
            await self._work.wait()
