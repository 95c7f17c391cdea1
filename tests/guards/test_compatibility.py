"""The compatibility page says what the program does, and names tests that exist."""

from __future__ import annotations

import re

from google.protobuf.descriptor import Descriptor
from scripts import compatibility
from tests.guards.repository import SOURCE, texts


def test_the_data_agree_with_the_program() -> None:
    assert list(compatibility.problems(compatibility.load())) == []


def test_the_page_is_what_the_data_make() -> None:
    assert compatibility.PAGE.read_text(encoding="utf-8") == compatibility.page(compatibility.load())


def test_every_field_of_a_request_is_read_or_told_of() -> None:
    """A field that nobody reads, and that the data do not name, would be ignored in silence."""
    read = (SOURCE / "api", SOURCE / "pps" / "spec.py")
    source = "\n".join(text for path, text in texts().items() if any(path.is_relative_to(one) for one in read))
    told = {row["of"] for row in compatibility.load()["field"]} | {
        "taskapi.Group.namespace",  # there are no tasks, in whichever group
        "pps_v2.RunPipelineRequest.job_id",  # of calls that are refused as a whole
        "pps_v2.LokiRequest.query",
        *(f"pps_v2.UpdateJobStateRequest.data_{of}" for of in ("processed", "skipped", "failed", "recovered", "total")),
    }
    unread = {
        f"{message.full_name}.{field.name}"
        for message in _messages("pfs_v2.API", "storage.Fileset", "pps_v2.API")
        for field in message.fields
        if not re.search(rf"\.{field.name}\b|\"{field.name}\"|^    {field.name}: ", source, re.M)
    }
    ignored = {row["of"] for row in compatibility.load()["field"] if row["status"] == "ignored"}
    assert ignored - unread == set(), "these are read, so say what they do"
    assert unread - told == set()


def _messages(*services: str) -> list[Descriptor]:
    """Every message that a request of some services may hold."""
    found: dict[str, Descriptor] = {}

    def add(message: Descriptor) -> None:
        if message.full_name not in found and message.file.package != "google.protobuf":
            found[message.full_name] = message
            for field in message.fields:
                if field.message_type is not None:
                    add(field.message_type)

    for service in services:
        module, _ = compatibility.SERVICES[service]
        for method in module.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods:
            add(method.input_type)
    return list(found.values())
