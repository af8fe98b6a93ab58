"""Ends a call when its time is over, whatever it is waiting for.

The HTTP library limits the silence between two bytes, not the whole: a server that sends a byte of a header now and then, or "103
Early Hints" for ever, is never silent. So the connection is closed under the call, from a thread that does nothing else.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from typing import Any

_OPENED = (".connect_tcp.complete", ".start_tls.complete")


class Watch:
    """Watches the calls of a client that has one connection at a time and makes one call at a time.

    `trace` belongs among the extensions of each call: so the HTTP library tells of the connections that it opens.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self.is_over = False

    def trace(self, event: str, told: Mapping[str, Any]) -> None:
        """Learn which connection is the present one; it may have come too late."""
        if event.endswith(_OPENED):
            with self._lock:
                self._socket = told["return_value"].get_extra_info("socket")
                if self.is_over:
                    self._close()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Close the connection after so many seconds, unless the block has been left before; `is_over` tells which it was."""
        self.is_over = False
        timer = Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            self._close()

    def _close(self) -> None:
        """Let whoever reads see the end of the stream. The plain socket's way: that of TLS takes itself apart under its reader."""
        if self._socket is not None:
            with suppress(OSError):  # closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
