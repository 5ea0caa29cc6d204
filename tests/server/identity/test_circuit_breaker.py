import pytest

from server.identity.circuit_breaker import CircuitBreaker, CircuitOpen


class Failed(Exception):
    pass


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return CircuitBreaker("it", Failed, failures=3, seconds=15, clock=clock)


def call(breaker, error=None):
    with breaker.call():
        if error is not None:
            raise error


def fail(breaker, times=1):
    for _ in range(times):
        with pytest.raises(Failed):
            call(breaker, Failed())


def is_open(breaker):
    try:
        call(breaker)
    except CircuitOpen:
        return True
    return False


def test_calls_pass_until_three_consecutive_failures(breaker):
    fail(breaker, 2)
    call(breaker)
    fail(breaker, 2)
    assert not is_open(breaker)

    fail(breaker, 3)

    assert is_open(breaker)


def test_an_error_that_is_a_response_counts_as_success(breaker):
    fail(breaker, 2)
    with pytest.raises(LookupError):
        call(breaker, LookupError())

    fail(breaker, 2)

    assert not is_open(breaker)


def test_after_a_while_one_successful_call_closes_the_circuit(breaker, clock):
    fail(breaker, 3)
    clock.now += 14.9
    assert is_open(breaker)
    clock.now += 0.1

    call(breaker)
    fail(breaker, 2)

    assert not is_open(breaker)


def test_a_failed_trial_keeps_the_circuit_open_as_long_again(breaker, clock):
    fail(breaker, 3)
    clock.now += 15

    fail(breaker)
    clock.now += 14.9

    assert is_open(breaker)


def test_only_one_call_at_a_time_is_a_trial(breaker, clock):
    fail(breaker, 3)
    clock.now += 15

    with breaker.call():
        others = [is_open(breaker) for _ in range(5)]

    assert others == [True] * 5
    assert not is_open(breaker)


def test_a_cancelled_trial_allows_another(breaker, clock):
    fail(breaker, 3)
    clock.now += 15
    with pytest.raises(KeyboardInterrupt):
        call(breaker, KeyboardInterrupt())

    fail(breaker)

    assert is_open(breaker)
