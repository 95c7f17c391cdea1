"""The life cycle of jobs, as a machine: very many random lives, and no invariant broken in any."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.pps import machine
from trunkline.pps.machine import Effect, Event, Illegal, Life
from trunkline.pps.states import JobState


def test_a_million_random_steps() -> None:
    random, life, lives = Random(11), Life(), 0
    choices = {state: list(machine.legal(state)) for state in JobState}
    for _ in range(1_000_000):
        events = choices[life.state]
        if not events:
            lives += 1
            life = Life()
            continue
        before, life = life, machine.live(life, random.choice(events))
        assert list(machine.problems(life)) == []
        assert life.restarts >= before.restarts
        assert not (before.started and not life.started)
    assert lives > 10_000


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(Event), max_size=30))
def test_whatever_happens_an_end_is_an_end(events: list[Event]) -> None:
    life = Life()
    for event in events:
        try:
            following = machine.live(life, event)
        except Illegal:
            continue
        assert not life.ended, "nothing happens to a job that has ended"
        assert list(machine.problems(following)) == []
        life = following


@pytest.mark.parametrize("state", [state for state in JobState if state.terminal])
def test_terminal_is_final(state: JobState) -> None:
    assert list(machine.legal(state)) == []
    for event in Event:
        with pytest.raises(Illegal, match=state.value):
            machine.step(state, event)


@pytest.mark.parametrize("state", [state for state in JobState if not state.terminal])
def test_every_other_state_can_be_stopped_and_leads_somewhere(state: JobState) -> None:
    assert machine.step(state, Event.STOPPED).state is JobState.KILLED
    assert machine.step(state, Event.BROKEN).state is JobState.FAILURE
    assert Effect.CLOSE_OUTPUT_WITH_ERROR in machine.step(state, Event.STOPPED).effects


def test_every_state_and_event_and_effect_is_used() -> None:
    assert {state for state, _ in machine.TABLE} | {step.state for step in machine.TABLE.values()} == set(JobState)
    assert {event for _, event in machine.TABLE} == set(Event)
    assert {effect for step in machine.TABLE.values() for effect in step.effects} == set(Effect)


@pytest.mark.parametrize(
    ("life", "problem"),
    [
        (Life(JobState.SUCCESS, started=True), "SUCCESS with the end not noted"),
        (Life(JobState.KILLED, started=True, ended=True), "KILLED with its output open"),
        (Life(JobState.SUCCESS, started=True, ended=True, output="error"), "a success with an error in its output"),
        (Life(JobState.KILLED, started=True, ended=True, output="closed"), "KILLED without an error in its output"),
        (Life(JobState.RUNNING, started=True), "RUNNING, but datums are not handed out"),
        (Life(JobState.STARTING, working=True), "STARTING, but datums are handed out"),
        (Life(JobState.FINISHING), "FINISHING without a start"),
    ],
)
def test_the_validator_sees(life: Life, problem: str) -> None:
    assert problem in list(machine.problems(life))
