"""The life cycle of a job as one transition table: state and event in, state and effects out; no I/O.

The runner performs the effects and writes the state in the same catalog change, so the catalog never shows a state
whose effects it lacks. Invariants, which `problems` states: a job that ended is never touched again; it ended if and
only if its output commit is closed; a success closes it without an error, every other end with one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto

import msgspec

from trunkline.pps.states import JobState


class Event(Enum):
    """What can happen to a job."""

    PICKED_UP = auto()
    """A runner has begun to look after it; its inputs may be unfinished."""
    INPUTS_READY = auto()
    INPUT_FAILED = auto()
    WORK_DONE = auto()
    """Every datum has an outcome, or was recovered from."""
    DATUM_FAILED = auto()
    """Every datum was tried, and one failed for good."""
    EGRESS_NEEDED = auto()
    """Every datum has an outcome, and the pipeline sends its output elsewhere too."""
    EGRESSED = auto()
    ASSEMBLED = auto()
    COLLIDED = auto()
    """The outputs of the datums do not fit together."""
    BROKEN = auto()
    """Something that no repetition will change, such as damaged data."""
    STOPPED = auto()
    """By the user, by a new version of the pipeline, by a timeout, by the removal of its output commit."""
    INTERRUPTED = auto()
    """The runner was lost, or could not go on for want of the store or the catalog."""


class Effect(Enum):
    """What the runner does, besides writing the state."""

    NOTE_START = auto()
    """Set the time at which it started, unless it is set."""
    NOTE_END = auto()
    """Set the time at which it ended (and started, if it never did), the reason, and the last counts."""
    PLAN_AND_DISPATCH = auto()
    DROP_WORK = auto()
    """Take back what workers hold."""
    SEND_OUT = auto()
    """Egress."""
    ASSEMBLE = auto()
    CLOSE_OUTPUT = auto()
    """Finish the output commit with the content that was assembled."""
    CLOSE_OUTPUT_WITH_ERROR = auto()
    """Finish the output commit with the reason as its error."""
    COUNT_RESTART = auto()


class Step(msgspec.Struct, frozen=True):
    """Where an event leads, and what is to be done there."""

    state: JobState
    effects: tuple[Effect, ...] = ()


class Illegal(Exception):
    """An event that cannot happen in this state: a mistake in the calling code."""


_FAILED = (Effect.DROP_WORK, Effect.CLOSE_OUTPUT_WITH_ERROR, Effect.NOTE_END)
_S, _E = JobState, Event

TABLE: Mapping[tuple[JobState, Event], Step] = {
    (_S.CREATED, _E.PICKED_UP): Step(_S.STARTING),
    (_S.STARTING, _E.PICKED_UP): Step(_S.STARTING),
    (_S.STARTING, _E.INPUTS_READY): Step(_S.RUNNING, (Effect.NOTE_START, Effect.PLAN_AND_DISPATCH)),
    (_S.STARTING, _E.INPUT_FAILED): Step(_S.UNRUNNABLE, _FAILED),
    (_S.RUNNING, _E.WORK_DONE): Step(_S.FINISHING, (Effect.ASSEMBLE,)),
    (_S.RUNNING, _E.EGRESS_NEEDED): Step(_S.EGRESSING, (Effect.SEND_OUT,)),
    (_S.RUNNING, _E.DATUM_FAILED): Step(_S.FAILURE, _FAILED),
    (_S.EGRESSING, _E.EGRESSED): Step(_S.FINISHING, (Effect.ASSEMBLE,)),
    (_S.EGRESSING, _E.COLLIDED): Step(_S.FAILURE, _FAILED),
    (_S.FINISHING, _E.ASSEMBLED): Step(_S.SUCCESS, (Effect.CLOSE_OUTPUT, Effect.NOTE_END)),
    (_S.FINISHING, _E.COLLIDED): Step(_S.FAILURE, _FAILED),
    **{
        (state, event): Step(end, _FAILED)
        for state in (_S.CREATED, _S.STARTING, _S.RUNNING, _S.EGRESSING, _S.FINISHING)
        for event, end in ((_E.STOPPED, _S.KILLED), (_E.BROKEN, _S.FAILURE))
    },
    **{
        (state, _E.INTERRUPTED): Step(_S.STARTING, (Effect.DROP_WORK, Effect.COUNT_RESTART))
        for state in (_S.RUNNING, _S.EGRESSING, _S.FINISHING)
    },
}


def step(state: JobState, event: Event) -> Step:
    """Where the event leads.

    Raises:
        Illegal: it cannot happen in this state; nothing can happen to a job that has ended.
    """
    found = TABLE.get((state, event))
    if found is None:
        raise Illegal(f"a job that is {state.value} cannot meet {event.name}")
    return found


def legal(state: JobState) -> Iterator[Event]:
    """The events that a state knows."""
    return (event for known, event in TABLE if known is state)


class Life(msgspec.Struct, frozen=True):
    """What the effects leave behind, for the validator and for tests."""

    state: JobState = JobState.CREATED
    started: bool = False
    ended: bool = False
    working: bool = False
    output: str = "open"
    """`open`, `closed` or `error`."""
    restarts: int = 0


def live(life: Life, event: Event) -> Life:
    """A life after one more event."""
    taken = step(life.state, event)
    changes: dict[str, object] = {"state": taken.state}
    for effect in taken.effects:
        if effect is Effect.COUNT_RESTART:
            changes["restarts"] = life.restarts + 1
        else:
            changes |= _LEAVES.get(effect, {})
    return msgspec.structs.replace(life, **changes)


_LEAVES: Mapping[Effect, dict[str, object]] = {
    Effect.NOTE_START: {"started": True},
    Effect.NOTE_END: {"ended": True, "started": True},
    Effect.PLAN_AND_DISPATCH: {"working": True},
    Effect.SEND_OUT: {"working": False},
    Effect.ASSEMBLE: {"working": False},
    Effect.DROP_WORK: {"working": False},
    Effect.CLOSE_OUTPUT: {"output": "closed"},
    Effect.CLOSE_OUTPUT_WITH_ERROR: {"output": "error"},
}


def problems(life: Life) -> Iterator[str]:
    """The invariants that a life breaks, in words."""
    state = life.state
    if state.terminal != life.ended:
        yield f"{state.value} with the end {'noted' if life.ended else 'not noted'}"
    if life.ended != (life.output != "open"):
        yield f"{state.value} with its output {life.output}"
    if state is JobState.SUCCESS and life.output != "closed":
        yield "a success with an error in its output"
    if state.terminal and state is not JobState.SUCCESS and life.output != "error":
        yield f"{state.value} without an error in its output"
    if life.working != (state is JobState.RUNNING):
        yield f"{state.value}, but datums are {'' if life.working else 'not '}handed out"
    if state in (JobState.RUNNING, JobState.EGRESSING, JobState.FINISHING) and not life.started:
        yield f"{state.value} without a start"
