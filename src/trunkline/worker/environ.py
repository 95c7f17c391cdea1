"""The environment of user code: variables, and nothing of the worker's or pachd's own.

Order, later ones override: the machine's few, those of the worker, those of the local environment, those of
the datum, `transform.env`, secrets. Invariant: the value of a secret is in the environment and in no file of /pfs.
"""

from __future__ import annotations

from collections.abc import Mapping

from trunkline.worker.config import STANDARD_PATH, WorkerConfig
from trunkline.worker.model import Batch, Datum, Input

SCRATCH = ".scratch"
"""Below /pfs: temporary files of user code; emptied with the rest."""

CLIENT = ".pachctl"
"""Below /pfs: the configuration of clients, for code that may write to its output by itself; also /pachctl."""

_TOKENS = ("PACH_TOKEN", "PACH_PYTHON_AUTH_TOKEN")
"""Where clients look for the credential; the second is the official SDK's."""

_NEVER = ("TRUNKLINE_", "PACHD_ADDRESS", "PACH_CONFIG", "PACH_CONTEXT")


def variables(config: WorkerConfig, batch: Batch, datum: Datum | None, account: tuple[str, str]) -> dict[str, str]:
    """All variables of one datum, with /pfs paths as they are written in a namespace.

    Args:
        datum: none for user code that is started once and told of its datums one by one.
        account: name and home folder of the user that user code runs as.
    """
    environment = batch.transform.environment
    found = _machine(config.variables, account) | _worker(config, batch)
    if batch.transform.datum_batching:
        # It is killed in the end, and would take with it what Python had kept back of its output.
        found["PYTHONUNBUFFERED"] = "1"
    if environment is not None:
        found |= environment.variables
        found["PATH"] = ":".join([*environment.search_path, found["PATH"]])
    if datum is not None:
        for each in datum.inputs:
            found |= _input(each)
        found |= {"PACH_DATUM_ID": datum.id} if batch.job else {}
    if batch.job:
        found |= {"PACH_JOB_ID": batch.job, "PACH_OUTPUT_COMMIT_ID": batch.job}
    if batch.credential:
        found |= dict.fromkeys(_TOKENS, batch.credential) | {"PACH_CONFIG": f"/pfs/{CLIENT}/config.json"}
    return found | batch.transform.env | _secrets(batch)


def _secrets(batch: Batch) -> dict[str, str]:
    return {
        each.variable: each.value.decode("utf-8", "surrogateescape")
        for each in batch.transform.secrets
        if each.variable
    }


def plain(variables: Mapping[str, str], batch: Batch) -> dict[str, str]:
    """The variables without those that are secrets."""
    hidden = _secrets(batch)
    return {name: value for name, value in variables.items() if name not in hidden}


def dotenv(variables: Mapping[str, str]) -> str:
    """The text of /pfs/.env: `NAME=value`, one a line; a value of several lines stands in quotes."""
    return "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    if "\n" not in value:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _machine(given: Mapping[str, str], account: tuple[str, str]) -> dict[str, str]:
    name, home = account
    found = {"PATH": STANDARD_PATH, "LANG": "C.UTF-8"}
    found |= {key: value for key, value in given.items() if not key.startswith(_NEVER)}
    return found | {"HOME": home, "USER": name, "LOGNAME": name, "TMPDIR": f"/pfs/{SCRATCH}"}


def _worker(config: WorkerConfig, batch: Batch) -> dict[str, str]:
    host, _, port = config.address.rpartition(":")
    return {
        "PACH_IN_WORKER": "true",
        "PACH_NAMESPACE": "default",
        "PACHD_PEER_SERVICE_HOST": host,
        "PACHD_PEER_SERVICE_PORT": port,
        "PEER_PORT": port,
        "PPS_PROJECT_NAME": batch.project,
        "PPS_PIPELINE_NAME": batch.pipeline,
        "PPS_SPEC_COMMIT": batch.spec_commit,
        "PPS_POD_NAME": config.worker,
        "PPS_WORKER_IP": host,
        "PPS_WORKER_GRPC_PORT": str(config.service_port),
    }


def _input(input_: Input) -> dict[str, str]:
    found = {
        input_.name: f"/pfs/{input_.name}{input_.path}".rstrip("/"),
        f"{input_.name}_COMMIT": input_.commit,
    }
    if input_.join_on:
        found[f"PACH_DATUM_{input_.name}_JOIN_ON"] = input_.join_on
    if input_.group_by:
        found[f"PACH_DATUM_{input_.name}_GROUP_BY"] = input_.group_by
    return found
