"""Who calls the REST API with a token."""

import re

from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

_TOKEN = re.compile(rb"[A-Za-z0-9_]{1,100}")


class TokenAuthentication(KnoxTokenAuthentication):
    """`Authorization: Token …`; ends with the token's date and with the user's `is_active`."""

    def authenticate_credentials(self, token: bytes) -> tuple:
        """Refuse what cannot be a token before it is decoded or reaches the database."""
        if _TOKEN.fullmatch(token) is None:
            raise AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)
