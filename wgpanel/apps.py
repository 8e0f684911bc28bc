from django.apps import AppConfig


class WgpanelConfig(AppConfig):
    name = "wgpanel"

    def ready(self) -> None:
        from wgpanel import checks, list_heads  # noqa: F401  (registers the system checks)

        list_heads.install()
