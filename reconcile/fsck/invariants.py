"""The promises of the product that `fleet_fsck` checks, and how a broken one is told."""

from dataclasses import asdict, dataclass, field

PROMISES = {
    "I1": "no peer lost",
    "I2": "no address twice",
    "I3": "no node over its limit, and each count equals the recount",
    "I4": "no ghost: what was removed is gone",
    "I5": "generations never go down, hashes are those of documents that existed",
    "I6": "keys, ports and addresses of servers change only when asked",
    "I7": "sessions of untouched peers survive",
    "I8": "the file on disk is whole and a committed generation",
    "I11": "one effect for each key, link and token",
    "I12": "nodes that can be reached are in sync soon",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: of which object, and how."""

    invariant: str
    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.subject}: {self.sentence}"


@dataclass(slots=True)
class Report:
    """Everything that was found; `unknown` says what could not be checked, and why."""

    violations: list[Violation] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    interfaces: int = 0
    peers: int = 0

    @property
    def exit_status(self) -> int:
        """0: all is well; 1: a promise is broken; 2: none is, but not all could be checked."""
        return 1 if self.violations else 2 if self.unknown else 0

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "exit_status": self.exit_status}

    def lines(self) -> list[str]:
        """For people, one finding a line, the summary last."""
        checked = f"{self.interfaces} interfaces and {self.peers} peers checked"
        found = f"{len(self.violations)} violations, {len(self.unknown)} unknown"
        broken = [str(violation) for violation in self.violations]
        return [*broken, *(f"?? {why}" for why in self.unknown), f"fsck: {checked}: {found}"]
