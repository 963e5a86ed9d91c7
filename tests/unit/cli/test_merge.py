"""The help of `merge curve` names a parameter that exists."""

import re

from router.cli.merge import curve, numbers
from router.simulator.evaluation.parameter_sweep import with_value
from tests.support.cities import shipped


def test_the_example_of_curve_runs() -> None:
    match = re.search(r"merge curve (\S+) --parameter (\S+) --values (\S+)", curve.__doc__ or "")
    assert match is not None
    city, parameter, values = match.groups()
    for value in numbers(values, "--values"):
        assert with_value(shipped(city), parameter, value).merging.density_penalty == value
