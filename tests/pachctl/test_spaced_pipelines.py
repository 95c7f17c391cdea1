"""Pipelines in the spaced grammar, against a real pachd: YAML and JSON, listings, updates by an editor."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from .spaced import Real

SPEC = """\
pipeline: {name: edges}
description: finds edges
input:
  pfs: {repo: images, glob: "/*"}
transform: {image: "edges:1.0", cmd: ["true"]}
"""


@pytest.fixture
def edges(real: Real) -> Real:
    """A pipeline over a repo."""
    real.ok("create repo images")
    real.ok("create pipeline", stdin=SPEC.encode())
    return real


def test_list_pipeline(edges: Real) -> None:
    header, row = edges.ok("list pipeline").splitlines()
    assert header.split() == [
        "PROJECT",
        "NAME",
        "VERSION",
        "INPUT",
        "CREATED",
        "STATE",
        "/",
        "LAST",
        "JOB",
        "ALERTS",
        "DESCRIPTION",
    ]
    assert row.startswith("default edges 1       default/images:/* Less than a second ago ")
    assert "running / -" in row or "starting / -" in row
    assert row.rstrip().endswith("finds edges")
    assert edges.raw("list pipeline")[0]["pipeline"]["name"] == "edges"
    assert len(edges.ok("list pipeline edges --history all").splitlines()) == 2
    assert edges.rows("list pipeline --state paused") == []
    assert "unknown pipeline state" in edges.no("list pipeline --state nice")
    assert json.loads(edges.ok("list pipeline -s"))["transform"]["cmd"] == ["true"]
    assert edges.ok("list pipeline -s --raw -o yaml").startswith("pipeline:\n  name: edges\n  project:")


def test_inspect_pipeline(edges: Real) -> None:
    text = edges.ok("inspect pipeline edges")
    assert text.startswith("Name: edges\nDescription: finds edges\nCreated: Less than a second ago\nState: ")
    assert "Workers Available: " in text
    assert 'Input: {\n  "pfs": {\n' in text
    assert "User Spec: " in text
    assert "not found" in edges.no("inspect pipeline nope")


def test_starting_and_stopping(edges: Real) -> None:
    edges.ok("stop pipeline edges")
    assert "Stopped: true\n" in edges.ok("inspect pipeline edges")
    edges.ok("start pipeline edges")
    assert "Stopped: false\n" in edges.ok("inspect pipeline edges")
    edges.ok("rerun pipeline edges --reprocess")
    assert edges.raw("inspect pipeline edges")[0]["version"] == "2"
    edges.ok("delete pipeline edges --keep-repo")
    assert edges.rows("list pipeline") == []
    assert "edges" in edges.ok("list repo")
    assert "not found" in edges.no("delete pipeline edges")
    assert edges.no("delete pipeline") == "either a pipeline name or the --all flag needs to be provided"
    assert edges.no("delete pipeline x --all") == "cannot use the --all flag with an argument"
    edges.ok("delete pipeline --all")


def test_running_clocks(edges: Real) -> None:
    spec = {
        "pipeline": {"name": "nightly"},
        "transform": {"cmd": ["true"]},
        "input": {"cron": {"name": "tick", "spec": "0 3 * * *"}},
    }
    edges.ok("create pipeline", stdin=json.dumps(spec).encode())
    assert "tick:0 3 * * *" in edges.ok("list pipeline")
    edges.ok("run cron nightly")
    assert len(edges.rows("list file nightly_tick@master")) == 1
    edges.wait(1)
    edges.ok("run-cron nightly")
    assert len(edges.rows("list file nightly_tick@master")) == 2
    assert "pipeline doesn't have a cron input" in edges.no("run cron edges")
    assert "not found" in edges.no("run cron nothing")


def test_spouts_and_services(edges: Real) -> None:
    feed = {"pipeline": {"name": "feed"}, "transform": {"cmd": ["true"]}, "spout": {}}
    edges.ok("create pipeline", stdin=json.dumps(feed).encode())
    web = {
        "pipeline": {"name": "web"},
        "transform": {"cmd": ["true"]},
        "input": {"pfs": {"repo": "images", "glob": "/"}},
        "service": {"internal_port": 8000, "external_port": 30080},
    }
    edges.ok("create pipeline", stdin=json.dumps(web).encode())
    for line in ("list pipeline", "list-pipeline"):
        shown = {word: row for row in edges.ok(line).splitlines()[1:] for word in row.split()[:2]}
        assert "none" in shown["feed"]
        assert "starting" in shown["feed"]
        assert "images:/" in shown["web"]
    for line in ("inspect pipeline feed", "inspect-pipeline feed", "inspect pipeline web", "inspect-pipeline web"):
        assert "State: starting" in edges.ok(line)
    assert edges.rows("list job -p feed") == []
    assert "SPOUT" in edges.ok("inspect pipeline feed --raw")


def test_jobs_of_a_set(edges: Real) -> None:
    edges.ok("put file images@master:/a", stdin=b"x")
    sets = edges.ok("list job").splitlines()
    name = sets[1].split()[0]
    assert sets[1].split()[1:3] == ["1", "▇▇▇▇▇▇▇▇"]
    assert edges.ok(f"list job {name}").splitlines()[1].split()[:3] == ["default", "edges", name]
    assert len(edges.ok("list job -i images@master").splitlines()) == 2
    edges.ok(f"stop job {name}")
    assert "killed" in edges.ok(f"wait job edges@{name}")


def test_creating_in_projects_and_transactions(edges: Real) -> None:
    edges.ok("create project p")
    edges.ok("create repo images --project p")
    edges.ok("create pipeline --project p", stdin=SPEC.encode())
    assert [row[:2] for row in edges.rows("list pipeline --project p")] == [["p", "edges"]]
    own = SPEC.replace("{name: edges}", "{name: other, project: {name: default}}")
    edges.ok("create pipeline --project p", stdin=own.encode())
    assert sorted(row[1] for row in edges.rows("list pipeline")) == ["edges", "other"]
    edges.ok("start transaction")
    assert edges.ok("create pipeline", stdin=SPEC.replace("edges}", "third}").encode()).startswith("Added to ")
    assert "  create pipeline third\n" in edges.ok("inspect transaction")
    edges.ok("finish transaction")
    assert "third" in edges.ok("list pipeline")


def test_updating(edges: Real) -> None:
    assert edges.no("create pipeline", stdin=SPEC.encode()).startswith(
        'could not create pipeline: pipeline "default/edges" already exists'
    )
    edges.ok("update pipeline --reprocess", stdin=SPEC.replace("finds", "seeks").encode())
    assert "Description: seeks edges\n" in edges.ok("inspect pipeline edges")
    tried = edges.ok("update pipeline --dry-run --raw -o yaml", stdin=SPEC.replace("1.0", "2.0").encode())
    assert "image: edges:2.0\n" in tried
    assert edges.raw("inspect pipeline edges")[0]["version"] == "2"


def test_warnings_about_images(real: Real) -> None:
    real.ok("create repo images")
    for image, says in (("edges", "has no tag"), ("host:5000/edges:latest", "is whatever is latest")):
        result = real.run("update pipeline", stdin=SPEC.replace("edges:1.0", image).encode())
        assert result.code == 0
        assert result.err.startswith(f"WARNING: edges: image {image} {says}")


def test_editing(edges: Real, tmp_path: Path) -> None:
    assert edges.ok("edit pipeline edges --editor true") == "Pipeline unchanged, no update will be performed.\n"
    edges.environ["EDITOR"] = "sed -i s/finds/hunts/"
    edges.ok("edit pipeline edges -o yaml")
    assert "Description: hunts edges\n" in edges.ok("inspect pipeline edges")
    assert edges.no(["edit", "pipeline", "edges", "--editor", "sed -i s/edges/x/"]) == (
        "the name and the project of pipeline edges cannot be changed by editing it"
    )
    assert "ended with 1" in edges.no("edit pipeline edges --editor false")
    assert "cannot be used" in edges.no("edit pipeline edges --editor /no/such/editor")
    hyphenated = edges.run(["edit-pipeline", "edges", "--editor", "sed -i s/hunts/spots/"])
    assert hyphenated.code == 0
    assert "Description: spots edges\n" in edges.ok("inspect pipeline edges")


def test_what_a_specification_may_be(real: Real, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(SPEC)
    assert real.ok(["validate", "pipeline", "-f", str(path)]) == ""
    path.write_text(SPEC + "nonsense: 1\n")
    assert real.no(["validate", "pipeline", "-f", str(path)]).startswith("malformed pipeline spec: edges: ")
    path.write_text("pipeline: [")
    assert real.no(["create", "pipeline", "-f", str(path)]).startswith("malformed pipeline spec: ")
    assert real.no("create pipeline -f x --jsonnet y") == (
        "cannot set both --file and --jsonnet; exactly one must be set"
    )
    assert real.no("create pipeline --jsonnet y").startswith("y doesn't exist")
    assert real.no("create pipeline --arg a=b") == "--arg is for --jsonnet, which is not given"
    assert real.no("create pipeline --jsonnet - --arg b") == 'invalid argument "b": give --arg NAME=VALUE'
    assert real.no("update pipeline --jsonnet -", b"{a: error 'no'}").startswith("template cannot be rendered: ")


TEMPLATE = b"""\
function(name, tries='3') [
  { pipeline: { name: name + stage }, input: { pfs: { repo: 'images', glob: '/*' } },
    transform: { image: 'edges:1.0', cmd: ['true'] }, datum_tries: tries }
  for stage in ['-a', '-b']
]
"""


def test_templates(real: Real, tmp_path: Path) -> None:
    real.ok("create repo images")
    real.ok("create pipeline --jsonnet - --arg name=p", stdin=TEMPLATE)
    assert sorted(row[1] for row in real.rows("list pipeline")) == ["p-a", "p-b"]
    path = tmp_path / "p.jsonnet"
    path.write_bytes(TEMPLATE)
    real.ok(f"update pipeline --jsonnet {path} --arg name=p --arg tries=5")
    assert real.raw("inspect pipeline p-a")[0]["details"]["datum_tries"] == "5"
    tried = real.ok(f"update pipeline --dry-run --raw --jsonnet {path} --arg name=q --arg tries=2")
    assert tried.count('"datumTries": "2"') == 2
    real.ok(f"create-pipeline --jsonnet {path} --arg name=old")
    real.ok(f"update-pipeline --jsonnet {path} --arg name=old --arg tries=7")
    assert real.raw("inspect pipeline old-b")[0]["details"]["datum_tries"] == "7"
    assert real.no("create pipeline -f nope") == "nope doesn't exist"


def test_a_specification_from_the_web(real: Real) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(SPEC.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        real.ok("create repo images")
        real.ok(f"create pipeline -f http://127.0.0.1:{server.server_port}/edges.yaml")
        assert "edges" in real.ok("list pipeline")
    finally:
        server.shutdown()
        server.server_close()


def test_datums_of_an_input(edges: Real, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(SPEC)
    edges.ok("put file images@master:/a", stdin=b"x")
    edges.ok("put file images@master:/b", stdin=b"y")
    listed = edges.ok(["list", "datum", "-f", str(path)]).splitlines()
    assert sorted(line.split()[1].rpartition(":")[2] for line in listed[1:]) == ["/a", "/b"]


def test_everything_else(edges: Real) -> None:
    assert len(edges.ok("inspect cluster").strip()) == 32
    assert edges.ok("list task x") == ""
    assert edges.ok("enterprise get-state") == "No Pachyderm Enterprise token was found\n"
    assert edges.no("auth whoami") == "the auth service is not activated"
    assert edges.ok("buildinfo").startswith("trunkline ")
    assert edges.ok("fsck") == "No errors found.\n"
    assert edges.ok("version --compare") == (
        "COMPONENT           VERSION             \npachctl             2.11.6              \n"
        "pachd               2.11.6              \n"
    )
    assert edges.ok("version --client-only --raw -o yaml") == "major: 2\nminor: 11\nmicro: 6\n\n"


def test_metadata(edges: Real) -> None:
    edges.ok("edit metadata repo images add owner=lab branch images@master add state=new")
    assert edges.raw("inspect repo images")[0]["metadata"] == {"owner": "lab"}
    assert edges.raw("inspect branch images@master")[0]["metadata"] == {"state": "new"}
    edges.ok(["edit", "metadata", "project", "default", "replace", '{"a": "b"}'])
    edges.ok("edit metadata project default edit a=c pipeline edges add k=v cluster - add x=y")
    assert edges.raw("inspect project default")[0]["metadata"] == {"a": "c"}
    edges.ok("edit metadata project default delete a commit images@master add seen=yes")
    assert edges.raw("inspect commit images@master")[0]["metadata"] == {"seen": "yes"}
    assert edges.no("edit metadata repo images add").startswith("expected groups of four words")
    assert "give KEY=VALUE" in edges.no("edit metadata repo images add owner")
    assert "unknown operation" in edges.no("edit metadata repo images do owner")
    assert "unknown kind" in edges.no("edit metadata thing images add a=b")
    assert "malformed metadata" in edges.no("edit metadata repo images replace [")


def test_deleting_everything(edges: Real) -> None:
    edges.ok("start transaction")
    no = edges.run("delete all", stdin=b"\n")
    assert (no.code, no.out.splitlines()[0]) == (0, "Repos to delete: default/edges, default/images")
    assert "edges" in edges.ok("list pipeline")
    old = edges.run("delete-all", stdin=b"n\n")
    assert old.out.endswith(
        "Are you sure you want to delete all ACLs, repos, commits, files, pipelines and jobs?\nyN\n"
    )
    assert edges.run("delete all", stdin=b"y\n").code == 0
    assert edges.rows("list repo") == []
    assert edges.no("stop transaction") == "no active transaction"
