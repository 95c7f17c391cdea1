"""Manifests, sealing, and what jobs do when a secret is there, changes, or is missing."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from tests.pps.run.factory import Factory
from tests.pps.world import spec_of

from trunkline.kernel.errors import AlreadyExists, FailedPrecondition, InvalidRequest, NotFound, Refused, TrunklineError
from trunkline.pps import manifest, secrets
from trunkline.pps.refs import PipelineRef
from trunkline.pps.spec import SecretMount
from trunkline.pps.states import JobState, PipelineState
from trunkline.pps.vault import Vault

HUSH = "hush-hush"
KEY = "ab" * 32


@pytest.fixture
def world(tmp_path: Path):
    world = Factory(tmp_path)
    world.pps.vault = Vault(KEY)
    world.restart()
    yield world
    world.close()


def text_of(name: str = "creds", **fields: Any) -> bytes:
    body = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name, "labels": None, "annotations": None}}
    return json.dumps(body | fields).encode()


def create(world: Factory, name: str = "creds", **values: str) -> None:
    given = manifest.read(text_of(name, stringData=values or {"token": HUSH}))
    sealed, key_id = world.pps.vault.seal(given.name, given.values)
    world.pfs.change(lambda change: secrets.create(change, given, sealed, key_id))


def delete(world: Factory, name: str = "creds") -> None:
    world.pfs.change(lambda change: secrets.delete(change, name))


# -- manifests ------------------------------------------------------------------------------------------


def test_a_manifest_as_the_sdk_and_kubectl_write_it() -> None:
    given = manifest.read(
        text_of(
            data={"a": base64.b64encode(b"\0bytes").decode(), "b": "", "c": None},
            stringData={"b": "text"},
            type="kubernetes.io/basic-auth",
            immutable=True,
        )
    )
    assert (given.name, given.type) == ("creds", "kubernetes.io/basic-auth")
    assert given.values == {"a": b"\0bytes", "b": b"text", "c": b""}
    assert manifest.read(text_of()).type == "Opaque"
    assert "bytes" not in repr(given)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "failed to unmarshal secret: "),
        (b"[]", "Expected `object`"),
        (b'{"data": {"a": "\xff"}}', "UTF-8"),
        (b'{"metadata": {"name": "x"}, "data": {"a": 17}}', "Expected `str"),
        (text_of(kind="Pod"), "its kind is 'Pod'"),
        (text_of(""), "metadata.name '' invalid"),
        (text_of("Upper_Case"), "metadata.name 'Upper_Case' invalid"),
        (text_of("x" * 254), "at most 253"),
        (text_of(data={"a": HUSH}), "data.a is not base64"),
        (text_of(stringData={"../a": HUSH}), "the key '../a' invalid"),
        (text_of(stringData={"..": HUSH}), "the key '..' invalid"),
        (text_of(stringData={"a": "x" * (manifest.MOST_BYTES + 1)}), "more than 1048576"),
    ],
)
def test_what_is_no_manifest(file: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest, match="failed to unmarshal secret: ") as caught:
        manifest.read(file)
    assert words in str(caught.value)
    assert HUSH not in str(caught.value)


def test_a_secret_of_another_suite() -> None:
    with pytest.raises(Refused, match="invalid suite label set on secret: suite=other"):
        manifest.read(text_of(metadata={"name": "x", "labels": {"suite": "other"}}))
    assert manifest.read(text_of(metadata={"name": "x", "labels": {"suite": "pachyderm"}})).name == "x"


# -- the vault ------------------------------------------------------------------------------------------


def test_a_key_in_the_home_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets.key"
    vault = Vault("", file)
    with pytest.raises(FailedPrecondition, match="is not there"):
        vault.open("a", b"", "")
    assert not file.exists()
    sealed, key_id = vault.seal("a", {"k": b"v"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert Vault("", file).open("a", sealed, key_id) == {"k": b"v"}
    assert sealed[-1:] != b"v"
    file.write_text("no key")
    with pytest.raises(InvalidRequest, match="64 hex digits"):
        Vault("", file).open("a", sealed, key_id)


def test_what_cannot_be_opened_says_why() -> None:
    sealed, key_id = Vault(KEY).seal("a", {"k": HUSH.encode()})
    assert HUSH.encode() not in sealed
    with pytest.raises(FailedPrecondition, match='secret "a" was sealed with another key: '):
        Vault("cd" * 32).open("a", sealed, key_id)
    with pytest.raises(FailedPrecondition, match="was altered"):
        Vault(KEY).open("b", sealed, key_id)
    with pytest.raises(FailedPrecondition, match="was altered"):
        Vault(KEY).open("a", sealed[:-1] + b"x", key_id)
    with pytest.raises(FailedPrecondition, match="set TRUNKLINE_SECRETS_KEY"):
        Vault().seal("a", {})


# -- the catalog ----------------------------------------------------------------------------------------


def test_kept_listed_and_deleted(world: Factory) -> None:
    create(world, "b")
    create(world, "a", x="1", y="2")
    with world.catalog.read() as tx:
        found = secrets.select(tx)
        assert [(one.name, one.type, one.fields) for one in found] == [
            ("a", "Opaque", ("x", "y")),
            ("b", "Opaque", ("token",)),
        ]
        assert secrets.inspect(tx, "b") == found[1]
        assert secrets.value(tx, world.pps.vault, "b", "token") == HUSH.encode()
        rows = [dict(row) for row in tx.rows("SELECT * FROM secrets")]
    assert HUSH not in str(found) + str(rows)
    with pytest.raises(AlreadyExists, match='failed to create secret: secrets "a" already exists'):
        create(world, "a")
    delete(world, "a")
    with pytest.raises(NotFound, match='failed to get secret: secrets "a" not found'):
        delete(world, "a")


def test_values_in_the_order_of_the_spec(world: Factory) -> None:
    create(world, "a", x="1", y="2")
    mounts = [SecretMount("a", key="x", env_var="X"), SecretMount("a", key="y", mount_path="/creds/", env_var="Y")]
    with world.catalog.read() as tx:
        found = secrets.hand_out(tx, world.pps.vault, mounts)
    assert [(one.variable, one.path, one.value) for one in found] == [
        ("X", "", b"1"),
        ("", "/creds/x", b"1"),
        ("", "/creds/y", b"2"),
        ("Y", "", b"2"),
    ]


@pytest.mark.parametrize(("text", "words"), [("a\0b", "holds a NUL character"), ("x" * 131_070, "is too long")])
def test_values_that_cannot_be_variables(world: Factory, text: str, words: str) -> None:
    create(world, x=text)
    with world.catalog.read() as tx:
        with pytest.raises(FailedPrecondition, match=f'secret "creds" key "x" {words}.*: use mount_path'):
            secrets.hand_out(tx, world.pps.vault, [SecretMount("creds", key="x", env_var="X")])
        found = secrets.hand_out(tx, world.pps.vault, [SecretMount("creds", key="x", mount_path="/creds")])
    assert found[0].value == text.encode()


# -- pipelines and jobs ---------------------------------------------------------------------------------


def spec(**mount: str) -> str:
    given = json.loads(spec_of("p", "a"))
    given["transform"]["secrets"] = [mount]
    return json.dumps(given)


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ({"env_var": "T", "key": "k"}, "a secret without a name"),
        ({"name": "s", "env_var": "T"}, "secret s has env_var set but is missing key"),
        ({"name": "s"}, "neither env_var nor mount_path"),
        ({"name": "s", "key": "k", "env_var": "A=B"}, "the env_var 'A=B'"),
        ({"name": "s", "mount_path": "creds"}, "give an absolute path"),
        ({"name": "s", "mount_path": "/"}, "give an absolute path"),
        ({"name": "s", "mount_path": "/a/../b"}, "give an absolute path"),
        ({"name": "s", "mount_path": "/pfs/out"}, "/pfs is not for that"),
        ({"name": "s", "mount_path": "/proc/1"}, "/proc is not for that"),
        ({"name": "s", "mount_path": "/creds"}, 'missing Kubernetes secret "s"'),
        ({"name": "creds", "key": "k", "env_var": "T"}, 'missing Kubernetes secret "creds" key "k"'),
    ],
)
def test_specs_that_are_refused(world: Factory, mount: dict[str, str], words: str) -> None:
    world.repo("a")
    create(world)
    with pytest.raises(TrunklineError) as caught:
        world.pps.create_pipeline(spec(**mount))
    assert words in str(caught.value)


def test_two_secrets_in_one_folder(world: Factory) -> None:
    world.repo("a")
    given = json.loads(spec(name="s", mount_path="/creds"))
    given["transform"]["secrets"].append({"name": "t", "mount_path": "/creds/t"})
    with pytest.raises(InvalidRequest, match="give each a folder of its own"):
        world.pps.create_pipeline(json.dumps(given))


def test_a_missing_secret_fails_the_pipeline_until_it_is_updated(world: Factory) -> None:
    world.repo("a")
    create(world)
    world.pps.create_pipeline(spec(name="creds", key="token", env_var="TOKEN"))
    world.put("a", f="1")
    world.settle()
    assert world.jobs("p")[-1][0] is JobState.SUCCESS
    delete(world)
    world.put("a", f="1", g="2")
    world.settle()
    words = 'missing Kubernetes secret "creds"'
    assert world.jobs("p")[-1][0] is JobState.FAILURE
    info = world.pps.inspect_pipeline(PipelineRef("p"))
    assert info.state is PipelineState.FAILURE
    assert info.reason.startswith(words)
    assert world.commit("p").error.startswith(words)
    create(world)
    world.put("a", f="1", g="3")
    world.settle()
    assert world.jobs("p")[-1][0] is JobState.FAILURE, "it remains so until somebody looks after it"
    ran = len(world.ran)
    world.pps.rerun_pipeline(PipelineRef("p"))
    world.settle()
    assert world.jobs("p")[-1][0] is JobState.SUCCESS
    assert len(world.ran) == ran + 1, "what was computed with the old secret stays"


def test_a_secret_that_an_old_version_missed_does_not_fail_the_new_one(
    world: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.repo("a")
    create(world)
    world.pps.create_pipeline(spec(name="creds", key="token", env_var="TOKEN"))
    delete(world)
    hand_out = secrets.hand_out

    def slow(*given: Any) -> Any:
        try:
            return hand_out(*given)
        except secrets.SecretMissing:
            # Meanwhile, while the job's runner has not written down what it found:
            create(world)
            world.pps.rerun_pipeline(PipelineRef("p"))
            raise

    monkeypatch.setattr(secrets, "hand_out", slow)
    world.put("a", f="1")
    world.settle()
    assert world.pps.inspect_pipeline(PipelineRef("p")).state is not PipelineState.FAILURE
    assert world.jobs("p")[-1][0] is JobState.SUCCESS


def test_defaults_that_meet_a_missing_secret_name_the_pipeline(world: Factory) -> None:
    world.repo("a")
    create(world)
    world.pps.create_pipeline(spec(name="creds", key="token", env_var="TOKEN"))
    delete(world)
    with pytest.raises(FailedPrecondition, match="pipeline default/p cannot have these defaults: missing"):
        world.pps.defaults.set_cluster('{"createPipelineRequest": {"datumTries": "7"}}', regenerate=True)
    assert world.pps.defaults.of_cluster() == "{}"


def test_what_was_computed_before_needs_no_secret(world: Factory) -> None:
    world.repo("a")
    create(world)
    world.pps.create_pipeline(spec(name="creds", mount_path="/creds"))
    world.put("a", f="1")
    world.settle()
    world.put("a", f="2")
    world.settle()
    delete(world)
    world.put("a", f="1")
    world.settle()
    assert world.jobs("p")[-1][0] is JobState.SUCCESS


def test_a_pipeline_that_failed_is_healed_by_a_stop_and_a_start(world: Factory) -> None:
    world.repo("a")
    create(world)
    world.pps.create_pipeline(spec(name="creds", mount_path="/creds"))
    world.put("a", f="1")
    delete(world)
    world.settle()
    create(world)
    world.pps.stop_pipeline(PipelineRef("p"))
    world.pps.start_pipeline(PipelineRef("p"))
    world.settle()
    assert world.jobs("p")[-1][0] is JobState.SUCCESS


def test_a_key_that_opens_nothing(world: Factory) -> None:
    world.repo("a")
    create(world)
    world.pps.create_pipeline(spec(name="creds", mount_path="/creds"))
    world.put("a", f="1")
    world.pps.vault = Vault("cd" * 32)
    world.restart()
    world.settle()
    state, reason = world.jobs("p")[-1]
    assert state is JobState.FAILURE
    assert "was sealed with another key" in reason
    assert world.pps.inspect_pipeline(PipelineRef("p")).state is not PipelineState.FAILURE
    world.pps.vault = Vault(KEY)
    world.restart()
    world.put("a", f="2")
    world.settle()
    assert world.jobs("p")[-1][0] is JobState.SUCCESS, "the pachd with the right key goes on"
