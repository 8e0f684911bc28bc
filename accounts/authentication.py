"""Who calls the REST API with a token."""

import re

from django.views.decorators.debug import sensitive_variables
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import ApiToken, password_digest
from accounts.token_digest import former_digests

_TOKEN = re.compile(rb"[A-Za-z0-9_]{1,100}")


class TokenAuthentication(KnoxTokenAuthentication):
    """`Authorization: Token …`; ends with its date, the user's password and `is_active`."""

    def authenticate_credentials(self, token: bytes) -> tuple:
        """Refuse what cannot be a token before it is decoded or reaches the database."""
        if _TOKEN.fullmatch(token) is None:
            raise AuthenticationFailed("Invalid token.")
        user, row = self._found(token)
        # a row of before digests were kept has none
        if row.password_digest and row.password_digest != password_digest(user):
            raise AuthenticationFailed("Invalid token.")
        return user, row

    def _found(self, token: bytes) -> tuple:
        try:
            return super().authenticate_credentials(token)
        except AuthenticationFailed:
            if not _renew(token.decode()):
                raise
            return super().authenticate_credentials(token)


@sensitive_variables()
def _renew(token: str) -> bool:
    """Store a token that was recognised another way by the key in force; say whether it was."""
    rows = ApiToken.objects.filter(digest__in=former_digests(token))
    return rows.exists() and bool(rows.update(digest=hash_token(token)))
