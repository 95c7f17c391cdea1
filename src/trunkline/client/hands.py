"""A process that reads shares, as the put sees it: a thread that hands them out, and answers what is asked.

Invariant: what it tells the put comes in order, and last that it is over, whatever ended it.
"""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from queue import Queue, SimpleQueue

from trunkline.client import pipes
from trunkline.client.children import start
from trunkline.client.faults import by_code
from trunkline.client.pipes import Closed, Done
from trunkline.client.shares import Piece, ReadShare
from trunkline.kernel.errors import TrunklineError
from trunkline.objects.presence import Sink


class Hand:
    """One process.

    Attributes:
        over: whether it is known to be over; set by whoever takes the events.
    """

    def __init__(
        self, folder: Path, store: Sink, threads: int, waiting: Queue[list[Piece]], events: SimpleQueue[Event]
    ) -> None:
        """Starts it; if that cannot be done, it is over.

        Args:
            folder: of the store.
            store: says which chunks it lacks.
            threads: of the process, that read small files where the disk is slow.
            waiting: shares; an empty one is the last.
            events: take what happens: progress, shares that were read, what went wrong, and last itself.
        """
        self.over = False
        self._store, self._waiting, self._events = store, waiting, events
        self._begin = pipes.Begin(os.fsencode(folder), threads)
        self._process = start("trunkline.client.reader")
        self._stopped = False
        if self._process is None:
            self.over = True
        else:
            threading.Thread(target=self._run, args=(self._process,), name="hand", daemon=True).start()

    def stop(self) -> None:
        """Ends the process, whatever it does; its thread, too, once it is handed a share."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _run(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self._serve(process)
        except BaseException as error:
            if not self._stopped:
                self._events.put(error)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self._events.put(self)

    def _serve(self, process: subprocess.Popen[bytes]) -> None:
        try:
            assert process.stdin is not None
            pipes.send(process.stdin, self._begin)
            self._attend(process)
        except Closed:
            return  # it never ran; nothing was taken
        try:
            while not self._stopped:
                share = self._waiting.get()
                self._events.put(Done(0, 0))  # there is room for another one
                pipes.send(process.stdin, pipes.Do(share))
                self._attend(process)
                if not share:
                    return
        except Closed:
            raise TrunklineError("a process that read files was ended by somebody: try again") from None

    def _attend(self, process: subprocess.Popen[bytes]) -> None:
        """Answers the process until it waits for more."""
        assert process.stdin is not None
        assert process.stdout is not None
        while True:
            match pipes.receive(process.stdout):
                case pipes.Ready():
                    return
                case pipes.Ask(keys):
                    pipes.send(process.stdin, pipes.Lacking(sorted(self._store.missing(keys))))
                case pipes.Read(shares):
                    for share in shares:
                        self._events.put(share)
                case pipes.Done() as done:
                    self._events.put(done)
                case pipes.Failed(code, message):
                    raise by_code(code)(message)
                case other:
                    raise TrunklineError(f"a process that reads files said {type(other).__name__}: try again")


Event = Done | ReadShare | BaseException | Hand
