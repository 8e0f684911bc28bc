"""The manifests: valid to the last field, restricted, and without any secret."""

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from wgpanel_agent.__main__ import make_parser

FOLDER = Path(__file__).resolve().parents[1] / "kubernetes"
VERSIONS = ("1.30", kubernetes_validate.latest_version())
PARTS = ("panel", "agent", "join")


def documents(part):
    """Every object of a part, and the file it is in."""
    for path in sorted((FOLDER / part).glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from ((path.name, it) for it in yaml.safe_load_all(path.read_text()))


def kustomization(part):
    return yaml.safe_load((FOLDER / part / "kustomization.yaml").read_text())


def named(kind, name, part="panel"):
    (found,) = [
        it for _, it in documents(part) if (it["kind"], it["metadata"]["name"]) == (kind, name)
    ]
    return found


def pods(part):
    return [
        it["spec"]["template"]["spec"]
        for _, it in documents(part)
        if "template" in it.get("spec", {})
    ]


def boxes(pod):
    return [*pod.get("initContainers", ()), *pod["containers"]]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("part", PARTS)
def test_every_object_is_valid_without_an_unknown_field(part, version):
    found = [it for _, it in documents(part)]
    for it in found:
        kubernetes_validate.validate(it, version, strict=True)
    assert found


@pytest.mark.parametrize("part", PARTS)
def test_kustomize_is_told_of_every_file_and_of_none_that_is_not_there(part):
    there = {name for name, _ in documents(part)}
    assert set(kustomization(part)["resources"]) == there


@pytest.mark.parametrize("part", PARTS)
def test_every_image_is_one_that_kustomize_replaces(part):
    replaced = {image["name"] for image in kustomization(part)["images"]}
    assert {box["image"] for pod in pods(part) for box in boxes(pod)} == replaced


@pytest.mark.parametrize("part", PARTS)
def test_no_secret_is_in_the_manifests_and_no_pod_has_a_token_of_the_cluster(part):
    assert [name for name, it in documents(part) if it["kind"] == "Secret"] == []
    assert all(pod["automountServiceAccountToken"] is False for pod in pods(part))


def test_every_pod_of_the_panel_passes_the_restricted_standard():
    assert len(pods("panel")) == 4
    for pod in pods("panel"):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for box in boxes(pod):
            assert box["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    labels = named("Namespace", "wgpanel")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_agent_has_the_network_and_one_capability_and_nothing_else():
    (pod,) = pods("agent")
    (box,) = pod["containers"]
    assert pod["hostNetwork"] is True
    assert not {"hostPID", "hostIPC"} & set(pod)
    assert box["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert box["securityContext"]["allowPrivilegeEscalation"] is False
    assert "privileged" not in box["securityContext"]
    folders = {it["hostPath"]["path"] for it in pod["volumes"] if "hostPath" in it}
    assert folders == {"/etc/wgpanel-agent", "/etc/wireguard", "/var/lib/wgpanel-agent"}


def test_a_node_joins_with_what_its_agent_has_and_where_its_agent_looks():
    """The job leaves on the node what the agent's pod finds there, and no more is allowed to it."""
    (agent,), (joins,) = pods("agent"), pods("join")
    assert joins["containers"][0]["securityContext"] == agent["containers"][0]["securityContext"]
    there = {mount["mountPath"] for mount in agent["containers"][0]["volumeMounts"]}
    left = {mount["mountPath"] for mount in joins["containers"][0]["volumeMounts"]}
    assert {"/etc/wgpanel-agent", "/var/lib/wgpanel-agent"} <= left <= there
    assert joins["hostNetwork"] is True
    assert kustomization("join")["namespace"] == kustomization("agent")["namespace"]


def test_a_node_joins_by_words_that_the_agent_knows_and_by_tls():
    (box,) = pods("join")[0]["containers"]
    said = make_parser().parse_args(box["args"])
    assert (said.command, said.no_tls, said.again) == ("enrol", False, False)
    assert said.url == f"https://$(NODE_ADDRESS):{said.listen.rpartition(':')[2]}"
    named = set(re.findall(r"\$\((\w+)\)", " ".join(box["args"])))
    assert named == {variable["name"] for variable in box["env"]}


def test_panel_and_workers_may_call_the_agents_and_nobody_but_the_ingress_calls_web():
    way_out = named("NetworkPolicy", "from-panel")["spec"]["egress"]
    (ports,) = [rule["ports"] for rule in way_out if any("ipBlock" in to for to in rule["to"])]
    assert any(it["port"] <= 8080 <= it["endPort"] for it in ports)
    (way_in,) = named("NetworkPolicy", "to-web")["spec"]["ingress"]
    assert way_in["ports"] == [{"protocol": "TCP", "port": "http"}]
    (rule,) = named("Ingress", "wgpanel")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "web", "port": {"name": "http"}}


def test_web_never_has_fewer_than_it_had_while_it_is_renewed():
    web = named("Deployment", "web")["spec"]
    assert web["replicas"] >= 2
    assert web["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    pod = web["template"]["spec"]
    (box,) = pod["containers"]
    leaving = int(box["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > leaving + 30  # gunicorn's own grace


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_nothing_of_the_panel_starts_before_the_database_is_up_to_date(name):
    pod = named("Deployment", name)["spec"]["template"]["spec"]
    (waits,), (box,) = pod["initContainers"], pod["containers"]
    assert waits["args"] == ["migrate", "--check"]
    assert (waits["envFrom"], waits["volumeMounts"]) == (box["envFrom"], box["volumeMounts"])


def test_there_is_one_beat_and_never_two():
    beat = named("Deployment", "beat")["spec"]
    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})


def test_every_pod_has_limits_and_everything_that_lives_on_has_a_probe():
    for pod in [pod for part in PARTS for pod in pods(part)]:
        for box in boxes(pod):
            assert {"cpu", "memory"} <= set(box["resources"]["limits"])
        for box in pod["containers"]:
            assert "livenessProbe" in box or pod.get("restartPolicy") == "OnFailure"


def test_nothing_is_reached_unless_a_policy_says_so():
    closed = named("NetworkPolicy", "nothing-unless-allowed")["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (way_out,) = [it for _, it in documents("panel") if it["metadata"]["name"] == "from-panel"]
    blocks = [
        to["ipBlock"] for rule in way_out["spec"]["egress"] for to in rule["to"] if "ipBlock" in to
    ]
    assert "169.254.0.0/16" in blocks[0]["except"]


def test_the_settings_name_the_files_of_the_secret_that_is_mounted():
    settings = dict(line.split("=", 1) for line in (FOLDER / "panel/panel.env").read_text().split())
    files = {value for name, value in settings.items() if name.endswith("_FILE")}
    (mount,) = {
        mount["mountPath"] for pod in pods("panel") for box in boxes(pod)
        for mount in box["volumeMounts"] if mount["name"] == "secrets"
    }  # fmt: skip
    assert len(files) == 5
    assert all(file.startswith(f"{mount}/") for file in files)
