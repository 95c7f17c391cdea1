"""Code that runs on: started once with its input, reported when it has ended. When it starts again is pachd's to say.

Nothing is gathered from /pfs/out: a spout writes by a client of its own, for which its configuration is laid out here,
and a service answers whoever asks it.
"""

from __future__ import annotations

import json

from trunkline.kernel.errors import TrunklineError
from trunkline.kernel.units import size
from trunkline.worker.datum import DatumRun
from trunkline.worker.environ import CLIENT, dotenv, plain, variables
from trunkline.worker.model import State
from trunkline.worker.reporter import Draft
from trunkline.worker.runtimes.protocol import Ended, SandboxLost


class StandingRun(DatumRun):
    """One run of code that is not meant to end."""

    def run(self) -> Draft:
        """Runs it to its end, which is always reported as a failure: of what, and why, in the reason.

        Raises:
            Lost, Restart, PachdGone: as `trunkline.worker.lease.Lease.check`.
        """
        self._statistics.tries = 1
        reason = self._reason()
        self._desk.lease.check()
        self._desk.log.note(reason, self._datum.id if self._datum.inputs else "")
        return self._draft(State.FAILED, reason)

    def _reason(self) -> str:
        if not self._transform.cmd:
            return "invalid pipeline transform, no command specified"
        try:
            return self._words(self._once())
        except SandboxLost as error:
            self._desk.reopen()
            return str(error)
        except TrunklineError as error:
            return str(error)

    def _once(self) -> Ended:
        desk = self._desk
        env = variables(desk.config, desk.batch, self._datum, desk.sandbox.account)
        visible = {name: desk.sandbox.visible(value) for name, value in plain(env, desk.batch).items()}
        desk.stager.stage(self._datum, dotenv(visible))
        if desk.batch.credential:
            desk.stager.add(f"{CLIENT}/config.json", self._client())
        desk.lease.check()
        try:
            return self._command(self._transform.cmd, self._transform.stdin, env)
        finally:
            desk.stager.finish()

    def _words(self, ended: Ended) -> str:
        if ended.out_of_memory:
            most = size(self._transform.memory or 0)
            return f"user code used more memory than resource_limits.memory ({most}): raise the limit"
        if ended.code < 0:
            return f"user code was ended by signal {-ended.code}"
        return f"user code ended with exit status {ended.code}"

    def _client(self) -> bytes:
        """A configuration file for clients inside the sandbox."""
        batch = self._desk.batch
        context = {
            "pachd_address": f"grpc://{self._desk.config.address}",
            "session_token": batch.credential,
            "project": batch.project,
        }
        # Clients of the original take the file for one that was never used without a user.
        whole = {"user_id": batch.id, "v2": {"active_context": "pachd", "contexts": {"pachd": context}}}
        return json.dumps(whole).encode()
