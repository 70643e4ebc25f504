"""The table of what the runner knows how to do."""

import pytest

from jobs import registry
from models.work import JobKind


def test_every_kind_has_its_handler():
    registry.load()
    assert registry.missing() == []


def test_a_kind_has_one_handler_only():
    registry.load()
    with pytest.raises(ValueError, match="two handlers"):
        registry.handler(JobKind.print_letters)(lambda _task: None)
