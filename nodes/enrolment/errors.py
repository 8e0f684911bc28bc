"""Why a node does not join."""


class JoinRefused(Exception):
    """One sentence for whoever runs the agent; `code` and `status` are for programs."""

    code, status = "refused", 409


class Unauthorized(JoinRefused):
    """The same for whatever is wrong with a token or its proof; `reason` is for the log alone."""

    code, status = "unauthorized", 401

    def __init__(self, reason: str) -> None:
        super().__init__("The token, its proof or its time is not right.")
        self.reason = reason


class TokenUsed(JoinRefused):
    code = "token_used"


class AlreadyEnrolled(JoinRefused):
    code = "already_enrolled"


class KeyLocked(JoinRefused):
    """The operator has to bring the field key back."""

    code = "locked"


class TryAgain(JoinRefused):
    """Somebody was a moment earlier; the agent asks again by itself."""

    code, status = "try_again", 503


class BadHello(JoinRefused):
    code, status = "invalid", 400
