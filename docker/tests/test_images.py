"""What the Dockerfiles say of both images, and how a tag publishes them."""

import re
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parents[1]
IMAGES = ("panel", "agent")
LABELS = {"title", "description", "licenses", "version", "revision"}
RELEASE = yaml.safe_load((HERE.parent / ".github/workflows/release.yml").read_text())
JOB = RELEASE["jobs"]["images"]


def instructions(image: str) -> list[tuple[str, str]]:
    """Each word of the builder and what follows it; continued lines are one."""
    text = re.sub(r"^#.*\n", "", (HERE / f"{image}.Dockerfile").read_text(), flags=re.M)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines) if word]


def last_stage(image: str) -> list[tuple[str, str]]:
    """What the image itself is made of; the stages before it are left behind."""
    said = instructions(image)
    first = max(at for at, (word, _) in enumerate(said) if word == "FROM")
    return said[first:]


@pytest.mark.parametrize("image", IMAGES)
def test_what_builds_the_libraries_is_left_behind(image):
    said = instructions(image)
    assert ("ARG", "BASE=docker.io/library/python:3.13-slim") in said
    assert [rest for word, rest in said if word == "FROM"] == ["${BASE} AS wheels", "${BASE}"]
    assert not any("pip install" in rest for _, rest in last_stage(image))


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_labelled_and_says_whether_it_is_healthy(image):
    said = last_stage(image)
    (labels,) = [rest for word, rest in said if word == "LABEL"]
    assert set(re.findall(r"org\.opencontainers\.image\.(\w+)=", labels)) == LABELS
    (check,) = [rest for word, rest in said if word == "HEALTHCHECK"]
    (script,) = re.findall(r"/(\w+_health\.py)", check)
    assert (HERE / script).is_file()


def test_the_panel_runs_as_nobody_in_particular_and_as_web_unless_told_otherwise():
    said = dict(last_stage("panel"))
    assert said["USER"] == "10001:10001"
    assert said["ENTRYPOINT"] == '["python", "/opt/wgpanel/manage.py"]'
    assert said["CMD"].startswith('["run", "web"')


def test_both_images_are_published_from_a_tag_for_both_architectures():
    assert RELEASE[True] == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+*"]}}  # `on` to YAML 1.1
    assert JOB["strategy"]["matrix"]["image"] == list(IMAGES)
    (build,) = [step["with"] for step in JOB["steps"] if step.get("id") == "build"]
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert build["push"] is True
    given = set(re.findall(r"^(\w+)=", build["build-args"], re.M))
    for image in IMAGES:
        taken = {rest.partition("=")[0] for word, rest in last_stage(image) if word == "ARG"}
        assert taken == given


def test_a_release_trusts_named_versions_and_may_do_no_more_than_publish():
    uses = [step["uses"] for step in JOB["steps"]]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", it) for it in uses)
    assert RELEASE["permissions"] == {}
    assert JOB["permissions"] == {
        "contents": "read", "packages": "write", "id-token": "write", "attestations": "write"
    }  # fmt: skip
