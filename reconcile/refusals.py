"""What reconciling refuses, in terms of HTTP."""

from typing import Any

from keyring.sealing import SecretLocked
from nodes.calling.exchange import AgentError
from peers import refusals
from peers.refusals import Conflict
from reconcile.decisions.adopting import NotAdoptable
from reconcile.decisions.applying import NothingKnown, PlanChanged
from reconcile.documents import NotRendered

CODES: dict[type[Exception], str] = {
    PlanChanged: "plan_changed",
    NothingKnown: "nothing_known",
    NotAdoptable: "not_adoptable",
    NotRendered: "not_rendered",
    SecretLocked: "secret_locked",
}


class Refusing(refusals.Refusing):
    """A view of whose core's and nodes' refusals none is a fault of the panel."""

    def handle_exception(self, error: Exception) -> Any:
        return super().handle_exception(_in_terms_of_http(error))


def _in_terms_of_http(error: Exception) -> Exception:
    if isinstance(error, AgentError):
        return Conflict("node_failed", f"{error.sentence} ({error.code})")
    code = CODES.get(type(error))
    return Conflict(code, str(error)) if code else error
