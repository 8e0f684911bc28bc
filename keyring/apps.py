from django.apps import AppConfig


class KeyringConfig(AppConfig):
    name = "keyring"
    verbose_name = "Secrets at rest"
