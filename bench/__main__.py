"""`make bench`: every benchmark, one after the other, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

NOT_BENCHMARKS = {"__init__", "__main__", "databases", "figure", "rows", "wg_floor"}


def main() -> int:
    """Run the benchmarks named on the command line, or all; return the first bad exit status."""
    names = sys.argv[1:] or sorted(_all())
    if unknown := set(names) - _all():
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(sorted(_all()))}")
        return 2
    statuses = [subprocess.call([sys.executable, "-m", f"bench.{name}"]) for name in names]
    return next((status for status in statuses if status), 0)


def _all() -> set[str]:
    return {path.stem for path in Path(__file__).parent.glob("*.py")} - NOT_BENCHMARKS


if __name__ == "__main__":
    sys.exit(main())
