"""What tests of operations that chance made share."""

import pytest

# graphql-core drops what it has not begun when something beside it fails, and Python says so whenever
# it finds the remains: here, where they are collected before the next test.
BY_CHANCE = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("quiet"),
]
