"""Who may import whom, and what no module of the panel may be or do.

Tests may use the builders of any app; `lab` and `bench` may import anything.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
# from the top down: each may import those below it
LAYERS = ("wgpanel", "monitoring", "reconcile", "peers", "selection", "nodes", "groups")
LEAVES = (
    "accounts",
    "keyring",
    "schedule",
)  # any layer may import them; they import nothing of ours but secrets at rest
APPS = tuple(name for name in (*LAYERS, *LEAVES) if (ROOT / name).is_dir())
CALL_AGENTS = ("nodes", "peers", "reconcile")
SHARED_WITH_AGENT = {
    "wgpanel_agent.protocol",
    "wgpanel_agent.documents",
    "wgpanel_agent.grammar",
    "wgpanel_agent.tls",
    "wgpanel_agent.proof",  # docs/decisions/0008
}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "services", "manager", "managers", "misc"}
SIGNALS = ("django.dispatch", "django.db.models.signals", "django.core.signals")
FOREIGN_TO_AGENT = {*LAYERS, *LEAVES, "lab", "bench", "django", "celery", "rest_framework"}
MOST_LINES = 350


def modules(folder: str) -> list[Path]:
    """Return what is delivered: no tests, no migrations."""
    found = sorted((ROOT / folder).rglob("*.py"))
    return [path for path in found if not {"tests", "migrations", "build"} & set(path.parts)]


PANEL = [path for app in APPS for path in modules(app)]


def offenders(
    paths: list[Path], faults: Callable[[Path, ast.Module], set[str]]
) -> dict[str, set[str]]:
    """Return the faults of each file that has any."""
    assert paths
    found = {str(path.relative_to(ROOT)): faults(path, tree_of(path)) for path in paths}
    return {name: names for name, names in found.items() if names}


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of whatever is imported: `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            yield from (f"{prefix}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    return name.partition(".")[0]


def is_ours(name: str) -> bool:
    return top(name) in (*LAYERS, *LEAVES, "lab", "bench", "wgpanel_agent")


def may_import(app: str, name: str) -> bool:
    package = top(name)
    if package == "wgpanel_agent":
        shared = any(f"{name}.".startswith(f"{module}.") for module in SHARED_WITH_AGENT)
        return shared and app in CALL_AGENTS
    if package == app:
        return True
    if app in LEAVES:
        return package == "keyring"
    if package not in (*LAYERS, *LEAVES):
        return False
    return package in LEAVES or LAYERS.index(package) > LAYERS.index(app)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_imports_go_down_and_never_up():
    def upward(path: Path, tree: ast.Module) -> set[str]:
        app = path.relative_to(ROOT).parts[0]
        return {name for name in imports(tree) if is_ours(name) and not may_import(app, name)}

    assert offenders(PANEL, upward) == {}


def test_nothing_of_ours_is_imported_inside_a_function():
    def hidden(path: Path, tree: ast.Module) -> set[str]:
        functions = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (path.name, node.name) != ("apps.py", "ready")
        ]
        return {name for function in functions for name in imports(function) if is_ours(name)}

    assert offenders(PANEL, hidden) == {}


def test_apps_do_not_talk_by_signals():
    def signals(path: Path, tree: ast.Module) -> set[str]:
        return {name for name in imports(tree) if name.startswith(SIGNALS)}

    assert offenders(PANEL, signals) == {}


def test_imports_are_absolute_and_name_what_they_take():
    def vague(path: Path, tree: ast.Module) -> set[str]:
        return {name for name in imports(tree) if name.startswith(".") or "*" in name}

    assert offenders(PANEL, vague) == {}


def test_no_module_is_a_drawer():
    names = {part for path in PANEL for part in (path.stem, *path.relative_to(ROOT).parts)}
    assert names & FORBIDDEN_NAMES == set()


def test_no_file_of_the_panel_is_long():
    files = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    long = {name: n for name, n in lengths.items() if n > MOST_LINES and "migrations" not in name}
    assert long == {}


def test_the_agent_knows_neither_the_panel_nor_django():
    def foreign(path: Path, tree: ast.Module) -> set[str]:
        return {top(name) for name in imports(tree)} & FOREIGN_TO_AGENT

    assert offenders(modules("agent/wgpanel_agent"), foreign) == {}


@pytest.mark.django_db
def test_the_migrations_are_complete():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize(
    ("app", "name", "allowed"),
    [
        ("nodes", "groups.models.NodeGroup", True),
        ("wgpanel", "groups.models", True),
        ("groups", "nodes.models.Node", False),
        ("nodes", "wgpanel.api.Conflict", False),
        ("nodes", "keyring.fields", True),
        ("groups", "accounts.actor", True),
        ("accounts", "keyring.digests", True),
        ("keyring", "accounts.actor", False),
        ("schedule", "nodes.models", False),
        ("nodes", "wgpanel_agent.protocol", True),
        ("nodes", "wgpanel_agent.documents.StatusReport", True),
        ("nodes", "wgpanel_agent.signing.keys", False),
        ("groups", "wgpanel_agent.protocol", False),
        ("wgpanel", "lab.fleet", False),
    ],
)
def test_the_rule_itself_tells_good_from_bad(app, name, allowed):
    assert may_import(app, name) is allowed


def test_an_import_is_found_wherever_it_hides():
    code = "import a.b\nfrom c import d as e\nif x:\n    def f():\n        from . import g\n"
    assert list(imports(ast.parse(code))) == ["a.b", "c.d", "..g"]
