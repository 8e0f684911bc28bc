"""What nodes report of their interfaces beside what they confirmed: one query, then judgement."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BigIntegerField, F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce
from wgpanel_agent.documents import State

from nodes.interfaces import Condition, Interface
from reconcile.models import ReconcileRun
from reconcile.pushing import answers, observing

# A report older than that is history; what matters comes again with the next.
RECENT = dt.timedelta(minutes=1)
# A report may have been made before the push that it seems to contradict: polls take 7 s at most,
# and clocks of workers differ a little.
ON_ITS_WAY = dt.timedelta(seconds=15)
OF_REPORTS = {
    "in_sync": Condition.IN_SYNC,
    "drifted": Condition.DRIFTED,
    "incomplete": Condition.INCOMPLETE,
}


class OfReport(Func):
    """One field that the node's last report has of an interface, as text."""

    output_field = TextField()

    def __init__(self, field: str) -> None:
        super().__init__(F("node__health_json"), F("name"), Value(field))

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "jsonb_extract_path_text({}, 'wireguard', 'interfaces', {}, {})"
        return self._compiled(compiler, template)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        # the names of interfaces are letters, digits, - and _
        path = """'$.wireguard.interfaces."' || {} || '".' || {}"""
        return self._compiled(compiler, f"CAST(json_extract({{}}, {path}) AS TEXT)")

    def _compiled(self, compiler: Any, template: str) -> Any:
        parts = [compiler.compile(it) for it in self.get_source_expressions()]
        parameters = [value for _, values in parts for value in values]
        return template.format(*(sql for sql, _ in parts)), parameters


class Told(NamedTuple):
    """One interface as the database has it, and what its node reported of it."""

    id: UUID
    epoch: UUID
    desired_generation: int
    desired_hash: str
    observed_generation: int
    observed_hash: str
    condition: str
    synced_at: dt.datetime | None
    reported_at: dt.datetime
    told_epoch: str
    told_generation: int
    told_hash: str
    told_condition: str
    told_drift: int

    @property
    def state(self) -> State | None:
        told = (self.told_epoch, self.told_generation, self.told_hash)
        return answers.told_state(dict(zip(("epoch", "generation", "hash"), told, strict=True)))

    @property
    def wanted(self) -> State:
        return State(str(self.epoch), self.desired_generation, self.desired_hash)

    @property
    def is_fresh(self) -> bool:
        """Surely made after what the node confirmed last."""
        return self.synced_at is None or self.reported_at > self.synced_at + ON_ITS_WAY


class Judgement(NamedTuple):
    condition: Condition
    reason: str


def settle(now: dt.datetime) -> int:
    """Let recent reports change what is known of interfaces; return how many they changed."""
    return sum(_settle(row) for row in differing(now))


def differing(now: dt.datetime) -> Iterable[Told]:
    """Interfaces whose node reports another state, or another condition, than is stored."""
    recent = Interface.objects.present().filter(
        node__enabled=True, node__failures=0, node__reported_at__gt=now - RECENT
    )
    deciding = ReconcileRun.objects.filter(done_at=None, kind=ReconcileRun.Kind.TAKE_OVER)
    rows = _with_report(recent.exclude(pk__in=deciding.values("interface"))).filter(
        ~Q(told_generation=F("observed_generation"))
        | ~Q(told_hash=F("observed_hash"))
        | Q(desired_generation=F("observed_generation")) & ~Q(told_condition=F("condition"))
    )
    columns = ["node__reported_at" if it == "reported_at" else it for it in Told._fields]
    return map(Told._make, rows.order_by("pk").values_list(*columns))


def _with_report(interfaces: QuerySet[Interface]) -> QuerySet[Interface]:
    return interfaces.annotate(
        told_epoch=_text("epoch"),
        told_generation=_number("generation"),
        told_hash=_text("hash"),
        told_condition=_text("condition"),
        told_drift=_number("drift"),
    )


def _text(name: str) -> Coalesce:
    return Coalesce(OfReport(name), Value("", output_field=TextField()))


def _number(name: str) -> Coalesce:
    return Coalesce(Cast(OfReport(name), BigIntegerField()), 0)


def _settle(row: Told) -> bool:
    state = row.state
    judgement = judge(row)
    if judgement is not None:
        return _store(row, judgement)
    is_news = state is not None and row.observed_generation < state.generation
    return bool(state and is_news and observing.confirm(row.id, state))


def judge(row: Told) -> Judgement | None:
    """What the report makes of the interface; None where it says nothing new of its condition."""
    found = _found(row)
    return None if found is None or found.condition == row.condition else found


def _found(row: Told) -> Judgement | None:
    state = row.state
    if state is None or row.told_condition == "lost":
        return _lost(row, "The node has lost what it was told.")
    if (why := answers.contradiction(state, row.wanted)) is not None:
        is_old_news = state.epoch != str(row.epoch) and not row.is_fresh
        return None if is_old_news else Judgement(Condition.CONFLICT, why)
    if state.generation < row.observed_generation:
        return _lost(row, f"The node has fallen back to generation {state.generation}.")
    return _reported_condition(row, state)


def _lost(row: Told, reason: str) -> Judgement | None:
    was_told = row.observed_generation > 0
    return Judgement(Condition.LOST, reason) if was_told and row.is_fresh else None


def _reported_condition(row: Told, state: State) -> Judgement | None:
    """Of what is desired now; a condition on the way there is not worth telling."""
    condition = OF_REPORTS.get(row.told_condition)
    if condition is None or state != row.wanted or state.generation > row.observed_generation:
        return None
    reason = f"{row.told_drift} differences on the node." if row.told_drift else ""
    return Judgement(condition, reason)


def _store(row: Told, judgement: Judgement) -> bool:
    """Unless somebody has changed the row meanwhile."""
    unchanged = Interface.objects.filter(
        pk=row.id,
        epoch=row.epoch,
        observed_generation=row.observed_generation,
        condition=row.condition,
    )
    columns: dict[str, Any] = {
        "condition": judgement.condition,
        "condition_reason": judgement.reason[:300],
    }
    if judgement.condition == Condition.LOST:
        columns["sync_not_before"] = None
    return bool(unchanged.update(**columns))
