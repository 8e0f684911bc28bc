"""Asking one node for its report, from the first request to what came of it; no network here."""

from dataclasses import dataclass
from typing import NamedTuple, Self

from nodes.calling.exchange import AgentError, Answer, Conversation, converse
from nodes.calling.targets import Seen, status_call
from nodes.polls import reports
from nodes.polls.fanout import Errand
from nodes.polls.reports import Told


class Outcome(NamedTuple):
    """What came of asking a node. Times are Unix time; `skew_ms` is None if nothing proved it."""

    node: Seen
    asked_at: float
    ended_at: float
    result: Told | AgentError
    skew_ms: int | None
    changed_certificate: bool = False


@dataclass(slots=True)
class Inquiry(Errand):
    """The errand to one node, and the conversation that it is part of."""

    node: Seen
    conversation: Conversation

    @classmethod
    def begin(cls, node: Seen) -> Self:
        """Sign the first request; raise AgentError where the node's row does not permit one."""
        call = status_call(node)
        conversation = converse(call, node.clock_skew_ms)
        request = next(conversation)
        return cls(call.authority, call.path, request.headers, call.pins, node, conversation)

    def reply(self) -> Answer | AgentError | None:
        """Verify what came; None when the errand is to be run again, with new headers."""
        if isinstance(self.result, AgentError):
            return self.result
        try:
            self.headers = self.conversation.send(self.result).headers
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        except AgentError as error:
            return error
        return None

    def outcome(self, reply: Answer | AgentError) -> Outcome:
        """Read the report in what was verified."""
        if isinstance(reply, AgentError):
            return self._outcome(reply, reply.skew_ms)
        try:
            return self._outcome(reports.read(reply.body), reply.skew_ms)
        except AgentError as error:
            return self._outcome(error, reply.skew_ms)

    def _outcome(self, result: Told | AgentError, skew_ms: int | None) -> Outcome:
        changed = self.changed_certificate and not isinstance(result, AgentError)
        return Outcome(self.node, self.sent_at, self.ended_at, result, skew_ms, changed)
