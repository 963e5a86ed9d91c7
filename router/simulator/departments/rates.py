"""How simulated departments behave: shares of tasks or of answers, and times.

The figures of `CITY` are those of public reports of Chinese cities, where there are some: share closed in time 97 % with a median of
0.35 of the limit, work done again 3 %, returns 6 %, extensions 0.2 %, one answer in twenty from a phone without network (median 20
minutes, at most 12 hours), clocks off by two minutes and one in a thousand by a day, one record in a hundred sent twice. The other
shares are ours.
"""

from collections.abc import Collection, Sequence

from msgspec import Struct


class Rates(Struct, frozen=True, kw_only=True):
    """Shares between 0 and 1, and times in seconds."""

    silent: float = 0.01
    """Tasks that get no answer."""
    returned: float = 0.06
    returned_again: float = 0.15
    """The same of a task that another department has returned before."""
    decided: float = 0.8
    """Tasks to arbitrate that the authority gives to a department; it handles the others."""
    named: float = 0.5
    """Returns that name whose the task is."""
    accepted: float = 0.85
    """Tasks that are taken on before they are handled; the others are answered at once."""
    progress: float = 0.3
    extension: float = 0.002
    granted: float = 0.7
    suspended: float = 0.005
    rerouted: float = 0.003
    failed: float = 0.03
    """Checks that fail: the work is done again."""
    supported: float = 0.01
    """Tasks whose lead asks another department for support."""
    answered: float = 0.5
    """Assistants who answer that they have nothing to handle."""
    transferred: float = 0.01
    """Tasks that are handed over, of departments that share their matters with others."""
    supervised: float = 0.01
    silenced: float = 0.003
    verified: float = 0.9
    """Cases that an inspector looks at before they are filed, in cities that file."""
    rejected: float = 0.05
    """Cases that are not filed."""
    closed: float = 0.002
    """Tasks whose case a supervisor closes before they are handled."""
    reopened: float = 0.002
    handled_median: float = 0.35
    """Share of the limit after which half of the tasks are handled."""
    handled_sigma: float = 0.558
    """Of the logarithm: 97 % are handled within the limit."""
    check_s: float = 4 * 3600
    """Median time from `handled` to the check."""
    lie: float = 0.01
    """Tasks about which something impossible is said as well."""
    twice: float = 0.01
    """Answers that are sent again with the same bytes."""
    swapped: float = 0.01
    """Answers that overtake the one before."""
    offline: float = 0.05
    """Answers of a phone without network."""
    offline_s: float = 20 * 60
    """Median of their delay."""
    longest_s: float = 12 * 3600
    """Their longest delay."""
    skew_s: float = 60
    """Standard deviation of a clock; at most twice as much."""
    day_off: float = 0.001
    """Answers whose clock is off by a day."""
    usual_limit_s: float = 7 * 86400
    """Of a task without a limit, and of a suspended one."""


CITY = Rates()
"""A city of middling departments."""


class Setting(Struct, frozen=True, kw_only=True):
    """What answers depend on besides the task."""

    departments: Sequence[str]
    """Of the city, in a fixed order: to one of them a task is returned or given."""
    transfers: Sequence[Collection[str]] = ()
    """Sets of departments that hand tasks to each other."""
    seed: int = 1
    rates: Rates = CITY
