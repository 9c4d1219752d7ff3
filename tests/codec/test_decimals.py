import random

from flead.codec.decimals import HIGHEST, LOWEST, nearest


def test_a_decimal_becomes_the_double_that_python_makes_of_it() -> None:
    rng = random.Random(1)
    for _ in range(50_000):
        digits = rng.randrange(10 ** rng.choice([1, 5, 15, 16, 17, 18]))
        power = rng.choice([rng.randint(-25, 25), rng.randint(LOWEST, HIGHEST)])
        assert nearest(digits, power) == float(f"{digits}e{power}"), (digits, power)


def test_numbers_at_and_beside_the_middle_of_two_doubles_are_rounded_as_python_does_it() -> None:
    rng = random.Random(2)
    for _ in range(20_000):
        middle = (2 * rng.randrange(2**52, 2**53) + 1) << rng.randrange(9)
        for digits in (middle - 1, middle, middle + 1):
            assert nearest(digits, 0) == float(digits), digits
        # The same with decimals: a double is a multiple of 2^-k, its middle to the next one of 2^-(k + 1).
        places = rng.randrange(1, 5)
        digits = (2 * rng.randrange(2**52, 2**53) + 1) * 5**places
        if digits < 2**63:
            assert nearest(digits, -places) == float(f"{digits}e{-places}"), (digits, places)


def test_the_ends_of_the_range() -> None:
    for digits in (0, 1, 9, 10**18 - 1, 2**63 - 1):
        for power in (LOWEST, LOWEST + 1, -23, -22, 0, 22, 23, HIGHEST - 1, HIGHEST):
            assert nearest(digits, power) == float(f"{digits}e{power}")
