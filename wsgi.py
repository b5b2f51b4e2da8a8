"""What gunicorn loads in each worker: `gunicorn -c gunicorn.conf.py wsgi:app`."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402

from gunicorn.errors import AppImportError  # noqa: E402

from app import build_app  # noqa: E402  everything here has to be imported patched
from foundation import failed_greenlets  # noqa: E402
from foundation.connections import install_wait_callback  # noqa: E402
from foundation.settings import Settings, SettingsError  # noqa: E402
from orders import receivers  # noqa: E402
from process import onward_of  # noqa: E402

install_wait_callback()
failed_greenlets.install()
settings = Settings.from_env(os.environ)
try:
    app = build_app(settings)
    receivers.connect(settings.receivers)
except SettingsError as error:
    raise AppImportError(str(error)) from error  # gunicorn prints this and ends, where it would try again for ever
onward_of(app).start()
