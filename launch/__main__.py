"""Run the service: check the settings, start PostgreSQL, prepare the database, start gunicorn, wait, stop everything.

    settings -> free port -> PostgreSQL -> migrations and demo -> gunicorn -> ready -> Ctrl-C -> gunicorn -> PostgreSQL

Wherever it ends, everything that was started is stopped in reverse order.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from foundation.settings import SettingsError
from launch import address_file, demo_mail
from launch.children import Child, Stopped, StopRequest
from launch.errors import LaunchError
from launch.plan import PROJECT, Plan, kept_secret, new_webhook_keys
from launch.postgres import EmbeddedPostgres
from launch.preparation import Preparation
from launch.probes import readiness, require_database, require_free_port
from orders import receivers, workflow_file

GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
READY_SECONDS = 60
"""A worker starts in a second or two, or in twenty on a busy machine; one that died is reported at once."""
STOP_SECONDS = 15
SETTINGS_STATUS = 2


def main() -> int:
    """Run until stopped; return the exit status."""
    stop = StopRequest().listen()
    try:
        return _serve(Plan.from_env(os.environ), stop)
    except SettingsError as error:
        _report(*error.problems)
        return SETTINGS_STATUS
    except LaunchError as error:
        _report(str(error))
        return error.status
    except OSError as error:
        _report(str(error))
        return LaunchError.status
    except Stopped:
        return 0


def _serve(plan: Plan, stop: StopRequest) -> int:
    workflow_file.load(plan.settings.order_workflow)
    receivers.check(plan.settings.receivers)
    require_free_port(plan.settings.host, plan.settings.port)
    _warn_of_the_demo(plan)
    with _environment(plan) as (env, shared_files), Preparation(plan, env) as preparation:
        stop.heed()
        if not preparation.is_repetition():
            _say(f"Preparing the database: migrations{' and the orders of the demo' if plan.settings.demo else ''} ...")
            preparation.finish(stop)
        count = plan.settings.web_concurrency
        _say(f"Starting {count} worker{'s' if count > 1 else ''} on {plan.address()} ...")
        with Child(GUNICORN, cwd=PROJECT, env=env, grace_seconds=STOP_SECONDS, shared_files=shared_files) as gunicorn:
            welcome = preparation.finish(stop)
            _wait_until_ready(plan, gunicorn, stop)
            print(welcome, flush=True)
            with address_file.left_in(plan.settings):
                status = gunicorn.wait(stop)
            _report(f"gunicorn exited unexpectedly with status {status}.")
            return _died(status)


@contextmanager
def _environment(plan: Plan) -> Iterator[tuple[Mapping[str, str], Sequence[int]]]:
    """Yield the environment for child processes, and the open files that keep the database running for them."""
    settings = plan.settings
    with _database(plan) as (url, shared_files):
        environment = {**plan.environment, "DATABASE_URL": url}
        if plan.own_secret:
            environment["JWT_SECRET"] = kept_secret(settings.data_dir / "jwt_secret")
        if plan.own_webhook_keys:
            keys = kept_secret(settings.data_dir / "webhook_secret_keys", new_webhook_keys)
            environment["WEBHOOK_SECRET_KEYS"] = keys
        with demo_mail.served(environment) as served:
            yield served, shared_files


@contextmanager
def _database(plan: Plan) -> Iterator[tuple[str, Sequence[int]]]:
    if not plan.embedded_postgres:
        require_database(plan.settings.dsn)
        plan.settings.data_dir.mkdir(parents=True, exist_ok=True)
        yield plan.settings.database_url, ()
        return
    postgres = EmbeddedPostgres(plan.settings.data_dir, plan.elsewhere)
    _say(f"Starting PostgreSQL in {plan.settings.data_dir} ...")
    url = postgres.start()
    if postgres.home != postgres.data_dir:
        _say(f"Its account cannot access that folder, so PostgreSQL stores its files in {postgres.home}")
    try:
        yield url, postgres.shared_files()
    finally:
        postgres.stop()


def _wait_until_ready(plan: Plan, gunicorn: Child, stop: StopRequest) -> None:
    if gunicorn.wait_until(lambda: readiness(plan.address()) == "200", stop, READY_SECONDS):
        return
    status = gunicorn.status()
    if status is not None:
        raise LaunchError("gunicorn exited before the service was ready.", _died(status))
    last = readiness(plan.address())
    raise LaunchError(f"The service was not ready within {READY_SECONDS} s: GET /readyz returned {last}")


def _died(status: int) -> int:
    """gunicorn was not asked to exit, so its exit is a failure even with status 0."""
    return status or 1


def _warn_of_the_demo(plan: Plan) -> None:
    if plan.exposed and plan.settings.demo:
        place = plan.settings.public_url or plan.settings.address
        _report(
            "WARNING: DEMO=1 while HOST, DATABASE_URL or PUBLIC_URL opens the service to others: "
            f"anyone who can reach {place} can sign in, even as an operator."
        )


def _say(line: str) -> None:
    print(f"onward: {line}", flush=True)


def _report(*lines: str) -> None:
    for line in lines:
        print(f"onward: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
