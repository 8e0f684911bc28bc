"""The Django project: wiring of the apps, no domain logic."""

from wgpanel.celery import app as celery_app

__version__ = "1.0.0"
__all__ = ["celery_app"]
