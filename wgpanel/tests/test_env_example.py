""".env.example and the code name the same variables."""

import re
from pathlib import Path

from wgpanel import secret_files

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / ".env.example").read_text()
READ = re.compile(
    r"""(?:environment\.\w+|secret_files\.\w+|os\.environ\.get|getenv)\(\s*"([A-Z][A-Z0-9_]+)\""""
)
BY_FILE = re.compile(r"""environment\.(?:secret|url|database)\(\s*"([A-Z][A-Z0-9_]+)\"""")
CONSTANT = re.compile(r'^VARIABLE = "([A-Z][A-Z0-9_]+)"', re.MULTILINE)
SET_BY_OTHERS = {"DJANGO_SETTINGS_MODULE", "CREDENTIALS_DIRECTORY"}  # manage.py, systemd
OF_ITS_OWN = {"agent", "bench", "deploy", "docker", "lab"}  # with variables of their own
APPS = {path.parent.name for path in ROOT.glob("*/__init__.py")} - OF_ITS_OWN


def read_by_the_panel() -> set[str]:
    files = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    texts = [path.read_text() for path in files if "tests" not in path.parts]
    found = {name for text in texts for rule in (READ, CONSTANT) for name in rule.findall(text)}
    in_files = {f"{name}_FILE" for text in texts for name in BY_FILE.findall(text)}
    secrets = {
        f"{name}{end}"
        for name in (*secret_files.NAMES, *secret_files.OPTIONAL)
        for end in ("", "_FILE")
    }
    return (found | in_files | secrets) - SET_BY_OTHERS


def described() -> set[str]:
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))


def test_every_variable_is_described_and_nothing_else():
    assert described() == read_by_the_panel()


def test_every_variable_has_a_comment_above_it():
    blocks = [block.splitlines() for block in EXAMPLE.strip().split("\n\n")]
    with_variable = [
        block for block in blocks if re.search(r"^#? ?[A-Z_]+=", "\n".join(block), re.M)
    ]
    assert with_variable
    assert all(block[0].startswith("# ") and "=" not in block[0] for block in with_variable)


def test_no_secret_has_a_value_that_could_be_left_in_place():
    for name in (*secret_files.NAMES, "WGPANEL_ADMIN_PASSWORD", "WGPANEL_METRICS_TOKEN"):
        assert re.search(rf"^#? ?{name}=$", EXAMPLE, re.MULTILINE), name


def test_every_app_of_the_panel_is_searched():
    assert {"wgpanel", "nodes", "peers", "reconcile", "monitoring"} <= APPS


def test_the_search_for_variables_finds_each_way_to_read_one():
    assert {"WGPANEL_PORT", "DATABASE_URL", "REDIS_URL", "WGPANEL_ADMIN_PASSWORD"} < (
        read_by_the_panel()
    )
