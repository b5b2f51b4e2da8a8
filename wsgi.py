"""What gunicorn loads in each worker: `gunicorn -c gunicorn.conf.py wsgi:app`."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402

from app import build_app  # noqa: E402  everything here has to be imported patched
from foundation import failed_greenlets  # noqa: E402
from foundation.connections import install_wait_callback  # noqa: E402
from foundation.settings import Settings  # noqa: E402
from process import onward_of  # noqa: E402

install_wait_callback()
failed_greenlets.install()
app = build_app(Settings.from_env(os.environ))
onward_of(app).start()
