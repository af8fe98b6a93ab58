"""A call ends in time over TLS too, whose sockets are taken apart in their own way."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ledger.domain.errors import TransientError
from ledger.transport.watch import Watch


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a certificate of 127.0.0.1 that the reader trusts."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a venue")])
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = tmp_path / "venue.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM),
    )
    trusting = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr("ledger.transport.reader._trusted", lambda: trusting)
    return path


@pytest.fixture
def serve_tls(certificate: Path) -> Iterator[Callable[..., str]]:
    """Serve each connection over TLS: the content, and then the drip again and again. Without content not even a handshake is made."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    closing = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def answer(plain: socket.socket, content: bytes, drip: bytes) -> None:
        with plain:
            if not content:
                closing.wait(30)
                return
            try:
                with context.wrap_socket(plain, server_side=True) as channel:
                    channel.recv(65_536)
                    channel.sendall(content)
                    while drip and not closing.wait(0.02):
                        channel.sendall(drip)
            except OSError:
                return  # the client has left, as it should

    def accept(content: bytes, drip: bytes) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(plain, content, drip)))
            threads[-1].start()

    def served(content: bytes, drip: bytes = b"") -> str:
        threads.append(threading.Thread(target=accept, args=(content, drip)))
        threads[-1].start()
        return f"https://127.0.0.1:{listener.getsockname()[1]}"

    yield served
    closing.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for thread in threads:
        thread.join()


def test_an_answer_over_tls_is_read(serve_tls: Callable[..., str], open_reader: Callable) -> None:
    reader, _ = open_reader(serve_tls(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n[7]"))
    assert reader.get("/x", limits=()).rows() == [7]


DRIPPING = {
    "header": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\n\r\n[]", b" "),
}


@pytest.mark.parametrize("where", DRIPPING)
def test_an_answer_over_tls_that_drips_is_given_up(serve_tls: Callable[..., str], open_reader: Callable, where: str) -> None:
    reader, _ = open_reader(serve_tls(*DRIPPING[where]), whole=0.4, attempts=2)
    began = time.monotonic()
    with pytest.raises(TransientError, match=r"the answer was not complete after 0.4 s \(tried 2 times\)"):
        reader.get("/x", limits=())
    assert time.monotonic() - began < 10


def test_a_handshake_that_never_comes_ends_with_the_budget(serve_tls: Callable[..., str], open_reader: Callable) -> None:
    reader, _ = open_reader(serve_tls(b""), deadline=0.4, attempts=1)
    began = time.monotonic()
    with pytest.raises(TransientError):
        reader.get("/x", limits=())
    assert time.monotonic() - began < 1.9  # the time for connecting is 2 s without a budget


class Stream:
    """Stands for what the HTTP library opens."""

    def __init__(self, opened: socket.socket) -> None:
        self._opened = opened

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self._opened


def test_a_connection_that_opens_too_late_is_closed_at_once() -> None:
    near, far = socket.socketpair()
    with near, far, (watch := Watch()).within(0):
        while not watch.is_over:
            time.sleep(0.001)
        watch.trace("connection.connect_tcp.complete", {"return_value": Stream(near)})
        assert far.recv(1) == b""


def test_a_call_that_ends_in_time_leaves_its_connection_alone() -> None:
    near, far = socket.socketpair()
    with near, far:
        with (watch := Watch()).within(0.5):
            watch.trace("connection.connect_tcp.complete", {"return_value": Stream(near)})
        time.sleep(0.7)
        assert not watch.is_over
        near.sendall(b"x")
        assert far.recv(1) == b"x"
