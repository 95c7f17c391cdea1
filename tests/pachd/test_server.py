"""Calls that wait must not keep the workers from being heard, or the jobs that are waited for would never end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from trunkline.api.dispatch import Call, service
from trunkline.catalog import Watch
from trunkline.kernel.config import Settings
from trunkline.pachd import admission, server
from trunkline.wire import trunkline_pb2, trunkline_pb2_grpc, version_pb2, version_pb2_grpc


class Waiting:
    """A service whose calls end when the test says so."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.over = False

    def GetVersion(self, request: Empty, call: Call) -> version_pb2.Version:
        self.watch.until(lambda: self.over or None, call.alive)
        return version_pb2.Version()


class Status:
    def Status(self, request: Empty, call: Call) -> trunkline_pb2.ServerStatus:
        return trunkline_pb2.ServerStatus(version="here")


def test_a_service_with_threads_of_its_own_is_served_while_all_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "SHORT", 2)
    waiting = Waiting()
    handlers = [
        service(version_pb2.DESCRIPTOR.services_by_name["API"], waiting),
        service(trunkline_pb2.DESCRIPTOR.services_by_name["Server"], Status(), ThreadPoolExecutor(1)),
    ]
    serving = server.Server(Settings(home=tmp_path, port=0), handlers)
    with grpc.insecure_channel(serving.start()) as channel:
        public = version_pb2_grpc.APIStub(channel)
        calls = [public.GetVersion.future(Empty()) for _ in range(5)]
        own = trunkline_pb2_grpc.ServerStub(channel)
        assert own.Status(Empty(), timeout=30).version == "here"
        assert not any(call.done() for call in calls)
        waiting.over = True
        waiting.watch.notify()
        for call in calls:
            call.result(30)
    serving.stop()
