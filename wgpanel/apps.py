from django.apps import AppConfig


class WgpanelConfig(AppConfig):
    name = "wgpanel"

    def ready(self) -> None:
        from wgpanel import checks  # noqa: F401  (registers the system checks)
