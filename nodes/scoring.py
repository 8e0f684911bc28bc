"""The load of one node as a number: the lower, the sooner it takes the next peer.

One table of penalties makes both the arithmetic and its SQL, which is the generated column
`Node.score`. Both do the same steps in the same order, so that they agree to the last bit.
"""

from dataclasses import dataclass

from django.db.models import Case, F, FloatField, Q, Value, When
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast

Bands = tuple[tuple[float, float], ...]
# more than so many percent add so much; the first band that fits counts, and no other
CPU_PENALTIES: Bands = ((80, 0.5), (60, 0.2), (40, 0.05))
MEMORY_PENALTIES: Bands = ((85, 0.4), (70, 0.15), (50, 0.05))


HIGHEST_BAR = 1 + CPU_PENALTIES[0][1] + MEMORY_PENALTIES[0][1]  # of a full node of weight 1


@dataclass(frozen=True)
class Score:
    """The parts of a score: how full the node is for its weight, and what its load adds."""

    base: float
    cpu: float
    memory: float

    @property
    def total(self) -> float:
        return self.base + self.cpu + self.memory


@dataclass(frozen=True)
class Load:
    """What a node's score is made of; a percentage is None where the report has none.

    `peers` are the active ones of the last report and the places given too late to be among them.
    """

    peers: int
    max_peers: int
    weight: float
    cpu_percent: float | None
    memory_percent: float | None

    @property
    def score(self) -> Score:
        return Score(
            float(self.peers) / self.max_peers / self.weight,
            penalty(self.cpu_percent, CPU_PENALTIES),
            penalty(self.memory_percent, MEMORY_PENALTIES),
        )

    @property
    def words(self) -> list[str]:
        """Say why the score is what it is, one sentence a part: "CPU 85 % adds 0.5"."""
        score = self.score
        weight = "" if self.weight == 1 else f" at weight {self.weight:g}"
        said = [f"{self.peers} of {self.max_peers} peers{weight} make {score.base:.3g}"]
        if score.cpu:
            said.append(f"CPU {self.cpu_percent:.4g} % adds {score.cpu:g}")
        if score.memory:
            said.append(f"Memory {self.memory_percent:.4g} % adds {score.memory:g}")
        return said


def penalty(percent: float | None, bands: Bands) -> float:
    """Return what this much load adds; nothing where it is not known."""
    if percent is None:
        return 0.0
    return next((added for bound, added in bands if percent > bound), 0.0)


def score_sql() -> CombinedExpression:
    """Return the expression for a node's score."""
    # as floats before they are added: the sum of two columns may not fit into an integer
    peers = _float("active_peers") + F("assigned_since_report") + F("assigned_before_report")
    base = peers / _float("max_peers") / F("weight")
    cpu = _penalty_sql("cpu_percent", CPU_PENALTIES)
    return base + cpu + _penalty_sql("memory_percent", MEMORY_PENALTIES)


def _float(column: str) -> Cast:
    return Cast(column, FloatField())


def _penalty_sql(column: str, bands: Bands) -> Case:
    fits = [When(Q((f"{column}__gt", bound)), then=Value(added)) for bound, added in bands]
    return Case(*fits, default=Value(0.0), output_field=FloatField())
