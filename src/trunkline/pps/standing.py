"""Code that runs on, spouts and services: what a spec must say for it, and keeping it running.

A keeper offers one piece of work that never ends to the dispatcher of standing work; a worker takes it, runs the code,
and reports when that has ended. Invariants: code that ends, and workers that die of it, are followed by another run
after a pause that grows while runs are short; each run gets a credential of its own, and that of the run before is
void by then; when the keeper returns nothing is handed out any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from trunkline.kernel.errors import InvalidRequest, Refused
from trunkline.maps import Entry
from trunkline.pps.dispatch import Dispatcher
from trunkline.pps.outcomes import Finding
from trunkline.pps.spec import PipelineSpec, Service
from trunkline.pps.tickets import Ticket

SERVICE_TYPES = ("ClusterIP", "LoadBalancer", "NodePort")
_LAST_PORT = 65535

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
"""Seconds between the end of a run and the next one."""

STEADY = 10.0
"""Seconds after which a run counts as one that went well."""

FAILED_RUNS = 3
"""Short runs in a row, before a pipeline is shown as crashing."""

_LOOK = 60.0


def complete(given: PipelineSpec) -> PipelineSpec:
    """The spec with the type of its services filled in."""
    spout = given.spout
    if spout is not None and spout.service is not None:
        spout = msgspec.structs.replace(spout, service=_complete(spout.service))
    service = None if given.service is None else _complete(given.service)
    return msgspec.structs.replace(given, spout=spout, service=service)


def _complete(service: Service) -> Service:
    return msgspec.structs.replace(service, type=service.type or "NodePort")


def check(given: PipelineSpec) -> None:
    """Refuses a completed spec of a spout or service that breaks a rule.

    Raises:
        InvalidRequest, Refused: the message names the field and the rule.
    """
    if given.spout is None and given.service is None:
        return
    if given.s3_out:
        raise Refused("s3 output is not supported in spouts or services")
    if given.egress is not None:
        raise Refused("egress is not supported in spouts or services: their jobs have no output to send")
    if given.transform is not None and given.transform.datum_batching:
        raise Refused("transform.datumBatching is not supported in spouts or services: they do not ask for datums")
    if given.spout is not None:
        _check_spout(given)
    ports = None if given.spout is None else given.spout.service
    for field, service in (("service", given.service), ("spout.service", ports)):
        if service is not None:
            _check_service(field, service)
    if given.service is not None and given.parallelism_spec is not None and given.parallelism != 1:
        raise Refused("services can only be run with a constant parallelism of 1")


def _check_spout(given: PipelineSpec) -> None:
    if given.service is not None:
        raise Refused("service and spout are both set: give the ports of a spout in spout.service")
    if given.autoscaling:
        raise Refused("autoscaling can't be used with spouts (spouts aren't triggered externally)")
    if given.input is not None:
        raise Refused("spout pipelines (without a service) must not have an input; nor can those with a service here")


def _check_service(field: str, service: Service) -> None:
    if service.type not in SERVICE_TYPES:
        raise Refused(
            f"the following service type {service.type} is not allowed: {field}.type is one of {SERVICE_TYPES}"
        )
    for name, port in (("internalPort", service.internal_port), ("externalPort", service.external_port)):
        if not 0 <= port <= _LAST_PORT:
            raise InvalidRequest(f"{field}.{name} is {port}: give a port from 1 to {_LAST_PORT}")


class Keeper:
    """Keeps one piece of code running.

    Args:
        dispatcher: of standing work.
        ticket: what to run; its own `record` and credential are not used.
        entry: the datum that the code has as input.
        begin: called before each run; returns the run's credential.
        trouble: told why the code does not run, and with an empty text that it does again.
        check: asked from time to time whether to go on; may raise.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        ticket: Ticket,
        entry: Entry,
        *,
        begin: Callable[[], str],
        trouble: Callable[[str], None],
        check: Callable[[], None] = lambda: None,
        look: float = _LOOK,
    ) -> None:
        self._dispatcher, self._entry = dispatcher, entry
        self._ticket = msgspec.structs.replace(
            ticket, datum_tries=1, datum_timeout=None, parallelism=1, record=self._end
        )
        self._begin, self._trouble, self._check, self._look = begin, trouble, check, look
        self._reason = ""
        self._short_runs = 0
        self._troubled = True  # for all that is known: the run before this keeper's may have left it so

    def keep(self) -> None:
        """Returns when the work is taken back from the dispatcher.

        Raises:
            Cancelled: pachd is shutting down.
        """
        running = self._dispatcher.open(self._ticket)
        try:
            while not running.dropped:
                running.ticket = msgspec.structs.replace(self._ticket, credential=self._begin())
                begun = time.monotonic()
                running.offer([self._entry], _LOOK)
                while running.wait(STEADY if time.monotonic() - begun < STEADY else self._look):
                    self._check()
                    if time.monotonic() - begun >= STEADY and running.leases.by_batch:
                        self._note("")
                if not running.dropped:
                    running.rest(self._pause(time.monotonic() - begun))
        finally:
            running.close()

    def _pause(self, ran: float) -> float:
        """How long to wait after a run of so many seconds."""
        self._short_runs = 0 if ran >= STEADY else self._short_runs + 1
        pause = min(FIRST_PAUSE * (1 << min(self._short_runs, 10)), LONGEST_PAUSE)
        if self._short_runs >= FAILED_RUNS:
            self._note(f"user code does not go on running: {self._reason}")
        return pause

    def _note(self, trouble: str) -> None:
        if trouble or self._troubled:
            self._troubled = bool(trouble)
            self._trouble(trouble)

    def _end(self, findings: Sequence[Finding]) -> bool:
        """A worker's report: the code has ended."""
        self._reason = findings[-1].report.reason
        return True
