"""Schedules of cases worked out by hand, and their bounds on random graphs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from repro.cost.schedule import Job, Schedule, schedule


def test_a_chain_takes_its_sum_on_any_number_of_machines() -> None:
    jobs = {"a": Job(3), "b": Job(1, ("a",)), "c": Job(2, ("b",))}
    for machines in (1, 2, 9):
        found = schedule(jobs, machines)
        assert found == Schedule({"a": 0, "b": 3, "c": 4}, seconds=6, longest_chain=6, work=6)


def test_a_fan_is_shared_and_ends_together() -> None:
    jobs = {"root": Job(1), **{f"leaf{k}": Job(2, ("root",)) for k in range(5)}}
    jobs["end"] = Job(1, tuple(f"leaf{k}" for k in range(5)))
    assert [schedule(jobs, machines).seconds for machines in (1, 2, 3, 5, 50)] == [12, 8, 6, 4, 4]


def test_more_machines_than_jobs() -> None:
    jobs = {"a": Job(5), "b": Job(7)}
    assert schedule(jobs, 64) == Schedule({"a": 0, "b": 0}, seconds=7, longest_chain=7, work=12)


def test_what_the_longest_chain_waits_for_goes_first() -> None:
    """Begun in the order in which they are listed, these would take 8."""
    jobs = {"short": Job(4), "other": Job(2), "first": Job(2), "last": Job(4, ("first",))}
    assert schedule(jobs, 2).seconds == 6
    assert schedule(jobs, 2).begins["first"] == 0


def test_no_jobs_take_no_time() -> None:
    assert schedule({}, 1).seconds == 0


def test_a_job_of_several_machines_waits_until_so_many_are_free() -> None:
    jobs = {"wide": Job(4, machines=2), "long": Job(5), "short": Job(1), "after": Job(1, ("wide",))}
    found = schedule(jobs, 2)
    assert found.begins == {"long": 0, "wide": 5, "after": 9, "short": 9}
    assert (found.seconds, found.longest_chain, found.work) == (10, 5, 15)
    assert schedule(jobs, 3).begins == {"long": 0, "wide": 0, "after": 4, "short": 4}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Job]:
    jobs: dict[str, Job] = {}
    widest = draw(st.sampled_from([1, 3]))
    for k in range(draw(st.integers(1, 15))):
        needs = draw(st.sets(st.sampled_from([*jobs]), max_size=3)) if jobs else ()
        jobs[str(k)] = Job(draw(st.integers(0, 9)), tuple(needs), draw(st.integers(1, widest)))
    return jobs


@given(graphs(), st.integers(3, 6))
@settings(max_examples=150)
def test_bounds_order_and_machines(jobs: dict[str, Job], machines: int) -> None:
    found = schedule(jobs, machines)
    ends = {name: begin + jobs[name].seconds for name, begin in found.begins.items()}
    assert found.begins.keys() == jobs.keys()
    assert found.seconds == max(ends.values())
    assert found.seconds >= max(found.longest_chain, found.work / machines)
    if all(job.machines == 1 for job in jobs.values()):
        assert found.seconds <= found.longest_chain + found.work / machines  # Graham's bound
    for name, job in jobs.items():
        assert all(ends[need] <= found.begins[name] for need in job.needs)
    for moment in found.begins.values():
        busy = (job.machines for name, job in jobs.items() if found.begins[name] <= moment < ends[name])
        assert sum(busy) <= machines
