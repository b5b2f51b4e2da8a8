"""Real servers on loopback for tests of webhooks: HTTP with a behaviour of its own, TLS by an own authority, DNS."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ACCEPTED = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Receiver:
    """Takes connections in threads, reads each request whole, and answers by a function of the connection."""

    def __init__(
        self, answer: Callable[[socket.socket, bytes], None], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self._answer, self._tls = answer, tls
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.connections = 0
        self.names: list[str | None] = []
        """The names that were asked for with TLS."""

        if tls:
            tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # or the thread that waits in accept would keep it open
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            plain = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with plain, plain.makefile("rb") as stream:
                while request := _read(stream):
                    self.requests.append(request)
                    self._answer(plain, request)


def _read(stream: Any) -> bytes:
    head, length = b"", 0
    for line in iter(stream.readline, b""):
        head += line
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
        if line == b"\r\n":
            body: bytes = stream.read(length)
            return bytes(head + body)
    return b""


def accepting(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(ACCEPTED)


@contextmanager
def receiving(
    answer: Callable[[socket.socket, bytes], None] = accepting,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Receiver]:
    """A receiver, for as long as it is needed."""
    receiver = Receiver(answer, tls, host)
    try:
        yield receiver
    finally:
        receiver.close()


class NameServer:
    """Answers A with the next address that a function of the name gives, for ever so short; anything else is empty."""

    def __init__(self, address_of: Callable[[str], str | None]) -> None:
        self._address_of = address_of
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.asked: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    @property
    def resolver(self) -> dns.resolver.Resolver:
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.port
        return made

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                packet, client = self._socket.recvfrom(4096)
                if answer := self._answer(dns.message.from_wire(packet)):
                    self._socket.sendto(answer, client)

    def _answer(self, query: dns.message.Message) -> bytes | None:
        """None: it never answers."""
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if kind == "A":
            self.asked.append(name.to_text(omit_final_dot=True))
            address = self._address_of(self.asked[-1])
            if address is None:
                return None
            response.answer.append(dns.rrset.from_text(name, 0, "IN", "A", address))
        return response.to_wire()


class Authority:
    """Signs certificates; its own is in a file for SSL_CERT_FILE."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        self.file = folder / "authority.pem"
        made = self._certificate(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def context(self, *hosts: str, days: int = 1) -> ssl.SSLContext:
        """What a server presents that has these names and addresses, for so many days from yesterday."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ipaddress.ip_address(one)) if one[0].isdigit() else x509.DNSName(one) for one in hosts]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a receiver")])
        made = self._certificate(subject, key, x509.SubjectAlternativeName(names), days)
        pem = self._folder / f"{hosts[0]}-{days}.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType, days: int = 1
    ) -> x509.Certificate:
        begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=days, hours=1))
        return builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())
