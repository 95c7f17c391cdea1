"""The small parts of the worker that decide by values alone: frames, paths, users, variables, messages."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.api import convert_work
from trunkline.kernel.errors import Corrupt, InvalidRequest
from trunkline.kernel.ids import DatumId, SetId
from trunkline.pps import spec, tickets
from trunkline.pps.refs import JobRef, PipelineRef
from trunkline.wire import trunkline_pb2 as wire
from trunkline.worker import config, environ, messages, model
from trunkline.worker.runtimes.protocol import Command
from trunkline.worker.runtimes.runner import frames, users
from trunkline.worker.runtimes.substitution import Substitution
from trunkline.worker.tree import inside

relaxed = settings(deadline=None, max_examples=100)


# -- frames ---------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=50)))
@relaxed
def test_frames_come_out_as_they_went_in(fields: list[bytes]) -> None:
    assert frames.unpack(frames.pack(fields)) == fields


@given(st.lists(st.binary(max_size=9), min_size=1), st.data())
@relaxed
def test_a_frame_that_was_cut_is_refused_or_shorter(fields: list[bytes], data: st.DataObject) -> None:
    packed = frames.pack(fields)
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    with contextlib.suppress(frames.Broken):
        assert frames.unpack(cut) == fields[: len(frames.unpack(cut))]


def test_files_travel_beside_a_frame(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    here, there = socket.socketpair()
    with here, there, (tmp_path / "file").open() as file:
        frames.send(here, [b"a", b"", b"x" * 100_000], [file.fileno()])
        fields, files = frames.receive(there)
        assert [len(each) for each in fields] == [1, 0, 100_000]
        assert os.read(files[0], 100) == b"content"
        assert not os.get_inheritable(files[0])
        os.close(files[0])
        here.sendall(b"not a frame at all, but something long enough")
        with pytest.raises(frames.Broken):
            frames.receive(there)
        here.close()
        with pytest.raises(frames.Broken):
            frames.send(there, [b"a"])


# -- paths ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["a", "", "/", "/a/", "//a", "/../a", "/a/..", "/a/./b", "/a\0b"])
def test_paths_that_no_commit_can_have_are_refused(path: str) -> None:
    with pytest.raises(Corrupt, match="no commit can have"):
        inside("in", path)


@given(st.lists(st.text(min_size=1), min_size=1))
@relaxed
def test_no_path_escapes(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    try:
        place = inside("in", path)
    except Corrupt:
        return
    assert os.path.normpath(place) == place
    assert place.startswith("in/")


# -- substitution ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/pfs", "/S"),
        ("/pfs/in/a", "/S/in/a"),
        ("-inFile=/pfs/a,/pfs/b", "-inFile=/S/a,/S/b"),
        ('open("/pfs/a")', 'open("/S/a")'),
        ("cat </pfs/a >/pfs/out/b", "cat </S/a >/S/out/b"),
        ("a:/pfs:b", "a:/S:b"),
        ("/home/pfs/a", "/home/pfs/a"),
        ("/x/pfs", "/x/pfs"),
        ("./pfs", "./pfs"),
        ("/pfsx", "/pfsx"),
        ("/pfs-2", "/pfs-2"),
        ("http://host/pfs", "http://host/pfs"),
        ("//pfs", "//pfs"),
    ],
)
def test_what_counts_as_a_path_below_pfs(text: str, expected: str) -> None:
    assert Substitution(Path("/S"), None).text(text) == expected


def test_a_whole_command_is_rewritten(tmp_path: Path) -> None:
    for name in ("train", "data", "bin/tool", "usr/bin/env"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    command = Command(
        argv=["/train", "/pfs/in", "/data", "/usr/bin/env", "/no/such"],
        env={"PATH": "/bin:/usr/bin:/opt", "in": "/pfs/in"},
        cwd="/pfs/out",
        stdin=b"cat /pfs/in \xff\n",
    )
    rewritten = Substitution(Path("/S"), tmp_path).command(command)
    assert rewritten.argv == [f"{tmp_path}/train", "/S/in", f"{tmp_path}/data", "/usr/bin/env", "/no/such"]
    assert rewritten.env == {"PATH": f"{tmp_path}/bin:/bin:{tmp_path}/usr/bin:/usr/bin:/opt", "in": "/S/in"}
    assert (rewritten.cwd, rewritten.stdin) == ("/S/out", b"cat /S/in \xff\n")


# -- users ----------------------------------------------------------------------------------------------------


@pytest.fixture
def _accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "/etc/passwd": ["root:x:0:0:root:/root:/bin/sh", "ann:x:1000:100::/home/ann:/bin/sh", "odd:x:7:8"],
        "/etc/group": ["staff:x:100:", "more:x:200:bob,ann", "4711:x:9:"],
    }

    def read(path: str, width: int) -> list[list[str]]:
        return [row.split(":") for row in rows[path] if len(row.split(":")) >= width]

    monkeypatch.setattr(users, "_rows", read)


@pytest.mark.usefixtures("_accounts")
@pytest.mark.parametrize(
    ("text", "uid", "gid", "groups", "home"),
    [
        ("ann", 1000, 100, [100, 200], "/home/ann"),
        ("1000", 1000, 100, [100, 200], "/home/ann"),
        ("ann:more", 1000, 200, [200], "/home/ann"),
        ("ann:4711", 1000, 9, [9, 200], "/home/ann"),
        ("1000:4711", 1000, 4711, [200, 4711], "/home/ann"),
        ("5:6", 5, 6, [6], "/"),
        ("root", 0, 0, [0], "/root"),
    ],
)
def test_users(text: str, uid: int, gid: int, groups: list[int], home: str) -> None:
    found = users.find(text)
    assert (found.uid, found.gid, found.groups, found.home) == (uid, gid, groups, home)


@pytest.mark.usefixtures("_accounts")
@pytest.mark.parametrize("text", ["nobody", "5", "odd", "ann:none", "-1:5", "0x0:1", "5:staff2", "::", "no:1"])
def test_whoever_does_not_exist_is_not_root(text: str) -> None:
    with pytest.raises(users.UnknownUser):
        users.find(text)


# -- variables ------------------------------------------------------------------------------------------------


def test_later_variables_override_earlier_ones(tmp_path: Path) -> None:
    settings_ = config.WorkerConfig(
        address="host:1",
        token="t",
        worker="w",
        store=tmp_path,
        scratch=tmp_path,
        home=tmp_path,
        variables={"PATH": "/machine", "LANG": "de", "TRUNKLINE_HOME": "x", "PACHD_ADDRESS": "y", "PPS_POD_NAME": "z"},
    )
    environment = model.Environment(image="i", variables={"A": "env", "B": "env"}, search_path=("/one", "/two"))
    transform = model.Transform(environment=environment, env={"B": "spec", "PACH_JOB_ID": "spec"})
    batch = model.Batch(id="b", project="p", pipeline="q", job="j", transform=transform, datums=())
    two = tuple(model.Input(name="in", path=path, commit=path) for path in ("/a", "/b"))
    found = environ.variables(settings_, batch, model.Datum(id="d", inputs=two), ("ann", "/home/ann"))
    assert found["PATH"] == "/one:/two:/machine"
    assert (found["LANG"], found["A"], found["B"], found["PACH_JOB_ID"]) == ("de", "env", "spec", "spec")
    assert (found["in"], found["in_COMMIT"]) == ("/pfs/in/b", "/b")
    assert (found["PPS_POD_NAME"], found["HOME"], found["USER"]) == ("w", "/home/ann", "ann")
    assert not {"TRUNKLINE_HOME", "PACHD_ADDRESS", "TOKEN"} & set(found)


def test_the_text_of_dotenv() -> None:
    assert environ.dotenv({"A": "x y", "B": "", "C": 'two\n"lines"'}) == 'A=x y\nB=\nC="two\n\\"lines\\""\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "settings on standard input are wrong"),
        (b'{"token": "SECRET"}', "missing required field"),
        (b'{"address":"a","token":"SECRET","worker":"w","store":"rel","scratch":"/s","home":"/h"}', "absolute path"),
        (
            b'{"address":"a","token":"SECRET","worker":"w","store":"/t","scratch":"/s","home":"/h","isolation":"x"}',
            "give auto",
        ),
    ],
)
def test_bad_settings_are_refused_without_telling_the_token(line: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as caught:
        config.read(line)
    assert "SECRET" not in str(caught.value)


# -- messages -------------------------------------------------------------------------------------------------


def test_a_batch_keeps_every_field() -> None:
    message = wire.Batch(
        id="b",
        project="p",
        pipeline="q",
        job="j",
        pipeline_version=3,
        spec_commit="s",
        output_branch="o",
        lease=messages.duration(1.5),
        transform=wire.WorkTransform(
            image="i",
            cmd=["c"],
            stdin=["l"],
            err_cmd=["e"],
            err_stdin=["f"],
            env={"K": "V"},
            accept_return_code=[4],
            user="u",
            working_dir="/w",
            datum_timeout=messages.duration(0.25),
            datum_tries=7,
            environment=wire.Environment(image="i", root="/r", variables={"A": "B"}, search_path=["/x"], digest="d"),
        ),
        datums=[
            wire.WorkDatum(
                id="d",
                hash=b"h",
                inputs=[
                    wire.DatumInput(
                        name="n", path="/p", repo="r", project="p", branch="b", commit="c", root=b"R", lazy=True,
                        empty_files=True, join_on="j", group_by="g",
                    )
                ],
            )
        ],
    )  # fmt: skip
    batch = messages.batch(message, 99)
    assert batch == model.Batch(
        id="b",
        project="p",
        pipeline="q",
        job="j",
        pipeline_version=3,
        spec_commit="s",
        output_branch="o",
        lease=1.5,
        transform=model.Transform(
            image="i", cmd=("c",), stdin=("l",), err_cmd=("e",), err_stdin=("f",), env={"K": "V"},
            accept_return_code=(4,), user="u", working_dir="/w", timeout=0.25, tries=7,
            environment=model.Environment(
                image="i", root="/r", variables={"A": "B"}, search_path=("/x",), digest="d"
            ),
        ),
        datums=(
            model.Datum(
                id="d",
                hash=b"h",
                inputs=(
                    model.Input(
                        name="n", path="/p", repo="r", project="p", branch="b", commit="c", root=b"R", lazy=True,
                        empty_files=True, join_on="j", group_by="g",
                    ),
                ),
            ),
        ),
    )  # fmt: skip
    bare = messages.batch(wire.Batch(), 99)
    assert (bare.lease, bare.transform.timeout, bare.transform.tries) == (99, None, 3)
    assert bare.transform.environment is None


def test_where_inputs_are_read_is_said_once_for_those_in_a_row() -> None:
    one, other = (tickets.InputSource("r", "p", "b", SetId(commit), commit.encode() * 9, True, True) for commit in "xy")
    given = [("/1", one), ("/2", one), ("/3", other), ("/4", one)]
    inputs = tuple(tickets.DatumInput("n", path, b"h", 1, source, "j", "g") for path, source in given)
    ticket = tickets.Ticket(
        job_key=1, pipeline_key=1, ref=JobRef(PipelineRef("q"), SetId("j")), version=1, spec_commit=SetId("s"),
        output_branch="o", transform=spec.Transform(), sources=(one, other), record=lambda found: True,
    )  # fmt: skip
    message = convert_work.batch(tickets.Batch("b", ticket, (tickets.WorkDatum(DatumId("d"), b"", inputs),), 1.0))
    assert [one.as_before for one in message.datums[0].inputs] == [False, True, False, False]
    (datum,) = messages.batch(message, 99).datums
    assert [(each.path, each.commit, each.root) for each in datum.inputs] == [
        (path, source.commit, source.root) for path, source in given
    ]
    assert {(each.name, each.hash, each.join_on, each.lazy) for each in datum.inputs} == {("n", b"h", "j", True)}


def test_a_report_keeps_every_field() -> None:
    outcome = model.Outcome(
        id="d",
        state=model.State.RECOVERED,
        reason="r",
        outputs=b"packed",
        statistics=model.Statistics(
            download_time=1.25, process_time=2.5, upload_time=0.000000001, download_bytes=7, upload_bytes=8, tries=2
        ),
        image_digest="i",
    )
    report = messages.report(outcome)
    assert (report.id, report.state, report.reason) == ("d", wire.DatumReport.RECOVERED, "r")
    assert report.outputs == b"packed"
    assert messages.seconds(report.download_time) == 1.25
    assert messages.seconds(report.process_time) == 2.5
    assert report.upload_time.nanos == 1
    assert (report.download_bytes, report.upload_bytes, report.tries, report.image_digest) == (7, 8, 2, "i")
