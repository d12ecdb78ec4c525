"""Every operation of the vendor's API description, called in ways that are made up of it: right, wrong, in a row."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from schemathesis import GenerationMode

from emitter.settings import Settings
from emitter.simulator import Simulator
from tests.support_vendor import Examiner, operations

LONG = 185  # calls of each operation, right and wrong: more than 10,000 with those that walk


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    with Simulator(Settings(store=None, seed=1, allow=("127.0.0.1",))) as simulator:
        yield Examiner(simulator)


@pytest.mark.parametrize(("method", "path"), [each for each in operations() if "/api/access-request" in each[1]])
def test_what_is_made_up_is_answered_as_the_vendor_describes(method: str, path: str, examiner: Examiner) -> None:
    examiner.wrong.clear()

    for mode in GenerationMode:
        examiner.examine(method, path, mode, examples=2, repeatable=True)

    assert examiner.wrong == []


@pytest.mark.acceptance
def test_ten_thousand_calls_are_answered_as_the_vendor_describes(examiner: Examiner) -> None:
    examiner.calls.clear()
    examiner.wrong.clear()

    for method, path in operations():
        for mode in GenerationMode:
            examiner.examine(method, path, mode, examples=LONG)
    examiner.wander(walks=60, steps=30)

    assert examiner.wrong == []
    assert sum(examiner.calls.values()) >= 10_000
    assert len({label for label, status in examiner.calls if status < 300}) == len(operations())
