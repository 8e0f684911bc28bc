"""Who calls the REST API with a token."""

import re

from django.views.decorators.debug import sensitive_variables
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import ApiToken, password_digest
from accounts.token_digest import by_older_keys

_TOKEN = re.compile(rb"[A-Za-z0-9_]{1,100}")


class TokenAuthentication(KnoxTokenAuthentication):
    """`Authorization: Token …`; ends with its date, the user's password and `is_active`."""

    def authenticate_credentials(self, token: bytes) -> tuple:
        """Refuse what cannot be a token before it is decoded or reaches the database."""
        if _TOKEN.fullmatch(token) is None:
            raise AuthenticationFailed("Invalid token.")
        _renew(token.decode())
        user, row = super().authenticate_credentials(token)
        # a row of before digests were kept has none
        if row.password_digest and row.password_digest != password_digest(user):
            raise AuthenticationFailed("Invalid token.")
        return user, row


@sensitive_variables()
def _renew(token: str) -> None:
    """Store a token that an older field key recognises by the key in force."""
    if older := by_older_keys(token):
        ApiToken.objects.filter(digest__in=older).update(digest=hash_token(token))
