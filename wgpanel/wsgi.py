"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from wgpanel import checks, collector

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wgpanel.settings")
application = get_wsgi_application()
checks.refuse_unsafe()
collector.calm()
