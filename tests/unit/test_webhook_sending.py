"""How a delivery is sent: to the address that was checked, under the name's certificate, within its deadline."""

from __future__ import annotations

import ipaddress
import itertools
import socket
import subprocess
import sys
import threading
import time
from functools import partial

import gevent
import pytest

from tests.conftest import PROJECT
from tests.unit.webhook_servers import Authority, NameServer, receiving
from webhooks.checked_connections import RESPONSE_BYTES, CheckedPool
from webhooks.lookups import CACHED_SECONDS, Lookup
from webhooks.networks import Networks
from webhooks.refusals import NoConnection, Refused, Unreachable
from webhooks.sending import Sender

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
ONE_ADDRESS = [ipaddress.ip_network("127.0.0.2/32")]


def sender(seconds=5.0, allowed=LOOPBACK, lookup=None):
    return Sender(allowed, lookup, seconds)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority, monkeypatch):
    """The authority is one of the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))


def test_a_delivery_arrives_as_it_is_and_the_answer_comes_back():
    with receiving() as receiver:
        reply = sender().post(f"http://127.0.0.1:{receiver.port}/a%20b?c=d", {"webhook-id": "e1"}, b'{"\xc3\xa9":1}')

    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert ("POST /a%20b?c=d HTTP/1.1", '{"é":1}') == (lines[0], body.decode())
    assert {"webhook-id: e1", f"Host: 127.0.0.1:{receiver.port}", "Content-Length: 8"} <= set(lines)
    assert (200, "2", b"ok") == (reply.status, reply.headers["content-length"], reply.body)


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Expect"])
def test_headers_that_delimit_or_route_a_request_are_ours(name):
    with pytest.raises(ValueError, match=name.lower()):
        sender().post("http://127.0.0.1/", {name: "1"}, b"")


def test_a_connection_is_used_again():
    with receiving() as receiver:
        one = sender()
        for _ in range(5):
            one.post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")

    assert (5, 1) == (len(receiver.requests), receiver.connections)


def test_a_connection_that_was_idle_is_not(monkeypatch):
    """gunicorn closes one after 2 s: a request that crosses the closing would count as the receiver's failure."""
    monkeypatch.setattr("webhooks.checked_connections.IDLE_SECONDS", 0.0)
    with receiving() as receiver:
        one = sender()
        for _ in range(3):
            one.post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")

    assert 3 == receiver.connections


def test_an_address_of_ipv6_is_sent_to_like_any_other():
    with receiving(host="::1") as receiver:
        reply = sender(allowed=[ipaddress.ip_network("::1")]).post(f"http://[::1]:{receiver.port}/", {}, b"{}")

    assert 200 == reply.status
    assert f"Host: [::1]:{receiver.port}\r\n".encode() in receiver.requests[0]


def test_threads_of_their_own_send_with_connections_of_their_own():
    """As under `flask run`: a socket of gevent belongs to its thread."""
    with receiving() as receiver:
        one, statuses, url = sender(), [], f"http://127.0.0.1:{receiver.port}/"
        for _ in range(3):
            thread = threading.Thread(target=lambda: statuses.append(one.post(url, {}, b"{}").status))
            thread.start()
            thread.join()

    assert [200] * 3 == statuses


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer(status):
    with receiving() as canary:
        location = f"http://127.0.0.1:{canary.port}/"
        answer = f"HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n".encode()
        with receiving(lambda connection, request: connection.sendall(answer)) as receiver:
            reply = sender().post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")

    assert (status, location, 0) == (reply.status, reply.headers["location"], canary.connections)


def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        sender().post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")

    assert (0, 1) == (proxy.connections, receiver.connections)


class TestRebinding:
    """A name server that answers with an allowed address first and with ours afterwards."""

    @pytest.mark.parametrize("tries", [60])
    def test_only_the_address_that_was_checked_is_connected_to(self, tries):
        with receiving() as canary, receiving(host="127.0.0.2") as receiver:
            addresses = itertools.cycle(["127.0.0.2", "127.0.0.1", "127.0.0.1"])
            names = NameServer(lambda name: next(addresses))
            lookup, sent, refused = Lookup(names.resolver), 0, 0
            for number in range(tries):
                # Both listen on their own port: whichever a wrong way leads to, somebody notices.
                url = f"http://shop.com:{(receiver.port, canary.port)[number % 2]}/"
                try:
                    sender(allowed=ONE_ADDRESS, lookup=lookup).post(url, {}, b"{}")
                    sent += 1
                except Refused:
                    refused += 1
                except NoConnection:
                    pass
            names.close()

        assert 0 == canary.connections
        assert (tries // 3 // 2, tries * 2 // 3) == (sent, refused)
        assert sent == receiver.connections

    def test_a_kept_connection_is_not_used_for_another_address(self):
        """Nor does one to an allowed address help a name that leads elsewhere now."""
        with receiving(host="127.0.0.2") as receiver:
            addresses = iter(["127.0.0.2", "127.0.0.1"])
            one = sender(allowed=ONE_ADDRESS, lookup=lambda name: [next(addresses)])
            one.post(f"http://shop.com:{receiver.port}/", {}, b"1")
            with pytest.raises(Refused):
                one.post(f"http://shop.com:{receiver.port}/", {}, b"2")

        assert 1 == len(receiver.requests)

    def test_a_connection_that_led_inside_is_closed_before_a_byte_is_sent(self):
        """Whatever was checked before: the connected socket says where it is."""
        with receiving() as canary:
            pool = CheckedPool("127.0.0.1", canary.port, networks=Networks(), scheme="https")
            with pytest.raises(Refused):
                pool.urlopen("POST", "/", b"{}", retries=False)

        assert [] == canary.requests


@pytest.mark.usefixtures("trusted")
class TestTLS:
    def test_the_certificate_and_the_server_name_are_those_of_the_name(self, authority):
        with receiving(tls=authority.context("shop.com")) as receiver:
            reply = sender(lookup=lambda name: ["127.0.0.1"]).post(f"https://shop.com:{receiver.port}/", {}, b"{}")

        assert (200, ["shop.com"]) == (reply.status, receiver.names)

    def test_an_address_needs_a_certificate_for_the_address(self, authority):
        with receiving(tls=authority.context("127.0.0.1", "127.0.0.2")) as receiver:
            assert 200 == sender().post(f"https://127.0.0.1:{receiver.port}/", {}, b"{}").status

    @pytest.mark.parametrize(
        ("hosts", "days", "reason"), [(("other.com",), 1, "Hostname mismatch"), (("shop.com",), 0, "expired")]
    )
    def test_any_other_certificate_is_refused(self, authority, hosts, days, reason):
        refused = pytest.raises(Unreachable, match=f"certificate is not valid.*{reason}")
        with receiving(tls=authority.context(*hosts, days=days)) as receiver, refused:
            sender(lookup=lambda name: ["127.0.0.1"]).post(f"https://shop.com:{receiver.port}/", {}, b"{}")

        assert [] == receiver.requests

    def test_another_authority_is_refused(self, authority, monkeypatch):
        monkeypatch.delenv("SSL_CERT_FILE")
        refused = pytest.raises(Unreachable, match="certificate is not valid")
        with receiving(tls=authority.context("shop.com")) as receiver, refused:
            sender(lookup=lambda name: ["127.0.0.1"]).post(f"https://shop.com:{receiver.port}/", {}, b"{}")

    def test_a_receiver_without_tls_gets_nothing(self):
        with receiving() as receiver, pytest.raises(Unreachable):
            sender(seconds=0.3, lookup=lambda name: ["127.0.0.1"]).post(f"https://shop.com:{receiver.port}/", {}, b"x")

        assert not any(b"x" == request[-1:] for request in receiver.requests)


def drip(connection, request, *, first, piece):
    """Slower than any timeout between two bytes notices."""
    connection.sendall(first)
    for _ in range(200):
        connection.sendall(piece)
        threading.Event().wait(0.05)


SLOW = {
    "a head, byte by byte": partial(drip, first=b"HTTP/1.1 200 OK\r\nx: ", piece=b"x"),
    "headers without an end": partial(drip, first=b"HTTP/1.1 200 OK\r\n", piece=b"x: y\r\n"),
    "a body, byte by byte": partial(drip, first=b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", piece=b"x"),
    "chunks": partial(drip, first=b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", piece=b"1\r\nx\r\n"),
    "interim responses": partial(drip, first=b"", piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "nothing": partial(drip, first=b"", piece=b""),
}


class TestDeadline:
    @pytest.mark.parametrize("way", SLOW)
    def test_it_covers_everything(self, way):
        with receiving(SLOW[way]) as receiver, pytest.raises(Unreachable, match="no complete answer within"):
            sender(seconds=0.2).post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")

    def test_it_covers_a_receiver_that_does_not_read(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            with pytest.raises(Unreachable, match="no complete answer within"):
                sender(seconds=0.2).post(url, {}, b"x" * 10_000_000)

    def test_it_covers_the_lookup(self):
        with pytest.raises(Unreachable, match="no complete answer within"):
            sender(seconds=0.2, lookup=lambda name: gevent.sleep(5)).post("https://shop.com/", {}, b"{}")

    def test_another_ones_deadline_passes_through(self):
        """Such as that of the worker around it."""
        with receiving(SLOW["nothing"]) as receiver, pytest.raises(gevent.Timeout), gevent.Timeout(0.1):
            sender(seconds=5).post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")


def flood(connection, request, *, first, piece):
    connection.sendall(first)
    for _ in range(100 * 1024 * 1024 // len(piece)):
        connection.sendall(piece)


class TestFlood:
    """A hundred megabytes, as fast as they can be sent."""

    def test_of_a_long_body_the_beginning_is_kept_and_the_rest_never_read(self):
        sent = []

        def answer(connection, request):
            connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 104857600\r\n\r\n")
            for _ in range(1600):
                connection.sendall(b"x" * RESPONSE_BYTES)
                sent.append(RESPONSE_BYTES)

        with receiving(answer) as receiver:
            reply = sender().post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")

        assert (202, b"x" * 8192) == (reply.status, reply.body)
        assert sum(sent) < 20 * 1024 * 1024, "what the kernel takes, and no more"

    @pytest.mark.parametrize(
        ("first", "piece"),
        [
            (b"HTTP/1.1 200 OK\r\nx: ", b"x" * 65536),
            (b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 2000 + b"\r\n"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
            (b"", b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\n" * 2000),
        ],
        ids=["a line", "headers", "interim responses", "interim responses with headers"],
    )
    def test_a_head_without_an_end_is_no_answer(self, first, piece):
        """Interim responses were read for ever: the loop that skips them never waits, and no deadline ends it."""
        with receiving(partial(flood, first=first, piece=piece)) as receiver, pytest.raises(Unreachable):
            sender().post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed the connection"),
        (b"\x15\x03\x01\x00\x02\x02", "no complete HTTP response|closed the connection"),
        (b"220 mail.example ESMTP\r\n", "no complete HTTP response"),
        (b"HTTP/1.1 two OK\r\n\r\n", "no complete HTTP response"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nx", "no complete HTTP response"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "no complete HTTP response"),
    ],
    ids=["nothing", "TLS", "SMTP", "a strange status", "half a body", "a strange chunk"],
)
def test_anything_else_than_a_response_is_none(answer, reason):
    def hang_up(connection, request):
        connection.sendall(answer)
        connection.shutdown(2)

    with receiving(hang_up) as receiver, pytest.raises(Unreachable, match=reason):
        sender().post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")


def test_where_nobody_listens_there_is_no_connection():
    with receiving() as receiver:
        pass

    with pytest.raises(NoConnection, match="No connection"):
        sender().post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")


def test_another_address_of_the_name_is_tried():
    with receiving(host="127.0.0.2") as receiver:
        reply = sender(lookup=lambda name: ["127.0.0.3", "127.0.0.2"]).post(f"http://a.b:{receiver.port}/", {}, b"{}")

    assert 200 == reply.status


def test_names_are_remembered_for_as_long_as_they_say():
    """They say: not at all."""
    names = NameServer(lambda name: "127.0.0.1")
    lookup = Lookup(names.resolver)

    assert [["127.0.0.1"]] * 2 == [lookup("shop.com"), lookup("shop.com")]
    assert ["shop.com"] * 2 == names.asked
    names.close()


def test_an_empty_answer_is_not_remembered_for_ever(monkeypatch):
    """dnspython kept one without a SOA record for 68 years."""
    names = NameServer(lambda name: "127.0.0.1")
    lookup = Lookup(names.resolver)
    lookup("shop.com")

    kept = [node.value.expiration for node in lookup._cache.data.values()]
    assert 2 == len(kept), "one for each family; that of IPv6 is empty"
    assert max(kept) <= time.time() + CACHED_SECONDS
    names.close()


def test_the_hosts_file_counts_and_search_domains_do_not(monkeypatch, tmp_path):
    file = tmp_path / "hosts"
    file.write_text("# 10.9.9.9 receiver\n10.1.1.1 Receiver receiver.lan # it\n\n10.1 other\n")
    monkeypatch.setattr("webhooks.lookups.HOSTS_FILE", file)
    names = NameServer(lambda name: "10.2.2.2")
    names.resolver.search = ["shop.com"]
    lookup = Lookup(names.resolver)

    assert (["10.1.1.1"], ["10.2.2.2"]) == (lookup("receiver"), lookup("other"))
    assert ["other"] == names.asked
    names.close()


STALLED = """
from gevent import monkey; monkey.patch_all()
import gevent, socket
from tests.unit.webhook_servers import NameServer
from webhooks.lookups import Lookup

names = NameServer(lambda name: None if name.startswith("slow") else "127.0.0.1")
lookup = Lookup(names.resolver)
slow = [gevent.spawn(lookup, f"slow{number}.com") for number in range(20)]
while len(set(names.asked)) < len(slow):
    gevent.sleep(0.01)
assert ["127.0.0.1"] == lookup("quick.com")
assert socket.getaddrinfo("127.0.0.1", 80)
assert not any(one.ready() for one in slow)
gevent.killall(slow)
print("fine")
"""


def test_a_name_server_that_never_answers_delays_nobody_else():
    """The ten threads of gevent, which all lookups of a process share, would be busy with ten such names."""
    done = subprocess.run([sys.executable, "-c", STALLED], cwd=PROJECT, capture_output=True, text=True, timeout=60)

    assert ("fine\n", "") == (done.stdout, done.stderr)
