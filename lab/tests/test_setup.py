"""`dev/setup` installs what is missing where it may and says which; elsewhere it only says so."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.panel import ROOT

RUN_PACKAGES = ["wireguard-tools", "wireguard-go", "iproute2", "nftables", "iputils-ping"]
MAKE_VENV = (
    "/bin/mkdir -p .venv/bin; ln -s ../../bin/python3 .venv/bin/python;"
    " : >.venv/bin/pip; /bin/chmod 755 .venv/bin/pip"
)


class Tree:
    """A clone in which nothing was set up, on a machine of stubs."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin = root, root / "bin"
        for name in ("dev/setup", "requirements.txt", "requirements-dev.txt"):
            self._copy(name)
        self._copy("agent/pyproject.toml")
        self.bin.mkdir()
        for program in ("sh", "dirname", "grep", "cat", "cksum", "ln"):
            (self.bin / program).symlink_to(str(shutil.which(program)))
        self.stub(
            "python3", f'echo "python $*" >>{self.calls}; [ "$2" = venv ] || exit 0; {MAKE_VENV}'
        )
        self.stub("apt-get", f'echo "apt-get $*" >>{self.calls}')
        self.be(user=0, installed=RUN_PACKAGES)

    @property
    def calls(self) -> Path:
        return self.root / "calls"

    def _copy(self, name: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, self.root / name)

    def stub(self, program: str, body: str) -> None:
        path = self.bin / program
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def be(self, user: int, installed: list[str]) -> None:
        self.stub("id", f"echo {user}")
        known = "|".join(installed) or "none"
        self.stub("dpkg-query", f"case $3 in {known}) echo 'install ok installed' ;; esac")

    def set_up(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "dev" / "setup", *words],
            env={"PATH": str(self.bin), "HOME": os.environ.get("HOME", "/")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    @property
    def installed_wheels(self) -> int:
        return self.calls.read_text().count("-m pip install")


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_the_first_run_makes_all_of_it_and_the_second_does_nothing(tree):
    first, second = tree.set_up("run"), tree.set_up("run")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "making the virtual environment .venv" in first.stderr
    assert "installing Python packages of requirements.txt" in first.stderr
    assert (second.stderr, tree.installed_wheels) == ("", 1)


def test_other_requirements_are_installed_anew(tree):
    tree.set_up("run")
    (tree.root / "requirements.txt").write_text("# another\n")
    assert "installing Python packages" in tree.set_up("run").stderr
    assert tree.installed_wheels == 2


def test_root_gets_the_missing_packages_and_is_told_which(tree):
    tree.be(user=0, installed=RUN_PACKAGES[2:])
    told = tree.set_up("run").stderr
    assert "installing Debian packages: wireguard-tools wireguard-go\n" in told
    assert "apt-get -qq install -y --no-install-recommends wireguard-tools wireguard-go\n" in (
        tree.calls.read_text()
    )


def test_others_are_told_which_packages_stay_missing(tree):
    tree.be(user=1000, installed=RUN_PACKAGES[1:])
    told = tree.set_up("run")
    assert "not root, so these Debian packages stay missing: wireguard-tools\n" in told.stderr
    assert told.returncode == 0
    assert "apt-get" not in tree.calls.read_text()


def test_another_system_than_debian_is_told_what_to_look_for(tree):
    (tree.bin / "dpkg-query").unlink()
    told = tree.set_up("run")
    assert "not Debian: cannot look for wireguard-tools" in told.stderr
    assert told.returncode == 0


def test_without_a_python_that_fits_the_versions_are_named(tree):
    tree.stub("python3", "exit 1")
    told = tree.set_up("run")
    assert "Python 3.11, 3.12 or 3.13 is needed" in told.stderr
    assert told.returncode == 1


def test_a_role_that_is_none_is_refused(tree):
    told = tree.set_up("deploy")
    assert (told.returncode, "unknown role 'deploy'" in told.stderr) == (2, True)
