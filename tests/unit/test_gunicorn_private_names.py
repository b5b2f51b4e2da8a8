"""Private names of gunicorn that we use: an upgrade that changes one of them fails here, loudly."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

PRELUDE = """
from gevent import monkey
monkey.patch_all()
import inspect
from gunicorn.config import Config
from gunicorn.workers.base import Worker
from gunicorn.workers.base_async import AsyncWorker
from gunicorn.workers.ggevent import GeventWorker
from gunicorn.http import wsgi
from server.responses import DETACHED
from server.worker import StreamWorker
source = inspect.getsource
"""


CHECKS = """
import json, sys, traceback
for line in sys.stdin:
    wrong = ""
    try:
        exec(json.loads(line), dict(globals()))
    except Exception:
        wrong = traceback.format_exc()
    print(json.dumps(wrong), flush=True)
"""


@pytest.fixture(scope="module")
def in_a_patched_process():
    """Importing gunicorn's gevent worker wants a patched process, which this one is not to become."""
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + CHECKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def check(code: str) -> None:
            process.stdin.write(json.dumps(inspect.cleandoc(code)) + "\n")
            process.stdin.flush()
            wrong = json.loads(process.stdout.readline())
            assert not wrong, wrong

        yield check
        process.stdin.close()


@pytest.mark.parametrize(
    "fact",
    [
        "'util.write_error(client, status_int, reason, mesg)' in source(Worker.handle_error)",
        "StreamWorker.is_already_handled.__name__ in vars(AsyncWorker)",
        "'self.is_already_handled(respiter)' in source(AsyncWorker.handle_request)",
        "'except StopIteration:\\n            raise' in source(AsyncWorker.handle_request)",
        "'except StopIteration as e' in source(AsyncWorker.handle)",
        "'util.close(client)' in source(AsyncWorker.handle)",
    ],
)
def test_stop_iteration_from_is_already_handled_makes_gunicorn_forget_the_connection(fact, in_a_patched_process):
    in_a_patched_process(f"assert {fact}")


def test_a_detached_answer_stops_and_any_other_does_not(in_a_patched_process):
    in_a_patched_process(
        """
        worker = object.__new__(StreamWorker)
        assert worker.is_already_handled([]) is False
        try:
            worker.is_already_handled(DETACHED)
        except StopIteration:
            pass
        else:
            raise AssertionError("it would read the stream's socket")
        """
    )


def test_the_environment_holds_the_socket(in_a_patched_process):
    in_a_patched_process("assert '\"gunicorn.socket\": sock' in source(wsgi.default_environ)")


def test_the_environment_is_begun_by_default_environ_which_is_given_all_fields(in_a_patched_process):
    in_a_patched_process(
        """
        assert 'environ = default_environ(req, sock, cfg)' in source(wsgi.create)
        assert 'for hdr_name, hdr_value in req.headers:' in source(wsgi.create)
        """
    )


def test_http_2_is_told_in_the_environment(in_a_patched_process):
    in_a_patched_process('assert \'environ["HTTP_VERSION"] = "2"\' in source(AsyncWorker.handle_http2_request)')


def test_alive_is_what_every_reason_to_stop_clears(in_a_patched_process):
    in_a_patched_process(
        """
        assert 'self.alive = False' in source(Worker.handle_exit)
        assert 'self.alive = False' in source(AsyncWorker.handle_request)
        assert 'while self.alive' in source(GeventWorker.run)
        """
    )


def test_a_lost_parent_is_told_by_an_exit_out_of_run(in_a_patched_process):
    in_a_patched_process("assert 'sys.exit(0)' in source(GeventWorker.notify)")


def test_a_connection_waits_for_its_next_request_in_timeout_ctx(in_a_patched_process):
    in_a_patched_process(
        """
        assert 'with self.timeout_ctx():' in source(AsyncWorker.handle)
        assert 'gevent.Timeout(self.cfg.keepalive, False)' in source(GeventWorker.timeout_ctx)
        """
    )


def test_the_application_is_loaded_by_load_wsgi_and_called_as_wsgi(in_a_patched_process):
    in_a_patched_process(
        """
        assert 'self.wsgi = self.app.wsgi()' in source(Worker.load_wsgi)
        assert 'self.wsgi(environ' in source(AsyncWorker.handle_request)
        """
    )


def test_a_connection_is_served_by_handle_which_closes_it_and_counts_its_requests(in_a_patched_process):
    in_a_patched_process(
        """
        assert list(inspect.signature(GeventWorker.handle).parameters) == ["self", "listener", "client", "addr"]
        assert 'hfun = partial(self.handle, s)' in source(GeventWorker.run)
        assert 'self.nr += 1' in source(AsyncWorker.handle_request)
        assert 'self.nr >= self.max_requests' in source(AsyncWorker.handle_request)
        """
    )


def test_a_response_is_written_by_these_methods_and_dated_by_this_function(in_a_patched_process):
    in_a_patched_process(
        """
        from server import responses
        assert 'response_class = Response' in source(wsgi.create)
        assert 'self.version = SERVER' in source(wsgi.Response.__init__)
        assert 'util.http_date()' in source(wsgi.Response.default_headers)
        assert 'self._emit_body(arg)' in source(wsgi.Response.write)
        assert 'self.send_headers()' in source(wsgi.Response.write)
        assert 'if not self.sendfile(respiter)' in source(wsgi.Response.write_file)
        assert {"send_headers", "sendfile", "close", "_emit_body"} <= set(vars(wsgi.Response))
        """
    )


def test_a_body_is_read_by_these_names(in_a_patched_process):
    in_a_patched_process(
        """
        from server import reading
        from gunicorn.http import body, message, parser, unreader
        assert 'self.unreader = SocketUnreader(source)' in source(parser.Parser.__init__)
        assert 'Body(ChunkedReader(self, self.unreader))' in source(message.Message.set_body_reader)
        assert 'self.failed = True' in source(body.Body._read_reader)
        assert 'self.length -= size' in source(body.LengthReader.read)
        assert 'self.parser = None' in source(body.ChunkedReader.read)
        assert 'self.parse_chunk_size(unreader' in source(body.ChunkedReader.parse_chunked)
        assert 'return self.sock.recv(size)' in source(unreader.SocketUnreader.chunk)
        assert 'raise StopIteration()' in source(AsyncWorker.handle_request).split('resp.should_close()')[1]
        reading.install()
        assert (parser.SocketUnreader, message.ChunkedReader) == (reading.Reading, reading.Chunks)
        """
    )


def test_the_master_asks_a_worker_to_stop_by_kill_worker_and_knows_when_it_serves(in_a_patched_process):
    in_a_patched_process(
        """
        from gunicorn.arbiter import Arbiter
        from gunicorn.workers.workertmp import WorkerTmp
        assert 'self.kill_worker(pid, signal.SIGTERM)' in source(Arbiter.manage_workers)
        stop = source(Arbiter.stop)
        assert stop.index('self.LISTENERS = []') < stop.index('self.kill_workers(sig)')
        assert 'self.cfg.pre_fork(self, worker)' in source(Arbiter.spawn_worker)
        run = source(GeventWorker.run)
        assert run.index('server.start()') < run.index('self.notify()')
        assert 'self.tmp.notify()' in source(Worker.notify) and 'last_update' in vars(WorkerTmp)
        """
    )


def test_the_configuration_file_names_our_worker(in_a_patched_process):
    in_a_patched_process(
        """
        config = Config()
        config.set("worker_class", "server.worker.StreamWorker")
        assert config.worker_class is StreamWorker
        """
    )
