"""`grid-router merge evaluate|curve`: measures merging against the true incident of each report, without Kafka."""

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import fmean
from typing import Annotated, Any

import typer
from msgspec import to_builtins

from router.cities.folder import city_folder, load_city
from router.cli.text.output import Output, json_out, lines_out, say, table_out
from router.domain.rules.city import City
from router.simulator.evaluation.error_analysis import MergeError, by_cause, merge_errors
from router.simulator.evaluation.parameter_sweep import Stream, stream_of, with_value
from router.simulator.evaluation.scores import Evaluation, Score, clusters_of
from router.simulator.scenario import input_of
from router.wire.errors import InputError
from router.wire.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Measure merging against the true incident of each report, without Kafka.")
Name = Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `puyang`.")]
Reports = Annotated[
    int | None, typer.Option(min=1, help="Number of reports; default: all recorded ones, or 20,000 simulated ones.")
]
Noise = Annotated[
    float, typer.Option(min=0, max=5, help="Noise of simulated reports: 0 none, 1 as in simulation.yaml.")
]
SHOWN = 12
"""Number of causes and errors that the text shows. The JSON has all of them."""


@app.command("evaluate")
def evaluate_(
    city: Name,
    *,
    reports: Reports = None,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same reports.")] = 1,
    noise: Noise = 1.0,
    output: Output = "text",
) -> None:
    """Merge a city's input, compare every pair of reports with the truth, and list the costliest errors.

    Example: grid-router merge evaluate puyang --reports 50000 --seed 11 --noise 1.5
    """
    rules, open_stream = _input(city)
    stream = open_stream(reports, seed, noise)
    offline, evaluation = stream.judged(rules)
    errors = merge_errors(stream.labels, clusters_of(offline.cases.values()), offline.reports, rules.merging)
    if output == "json":
        json_out(as_json(evaluation, errors))
        return
    _print_table(evaluation)
    _print_errors(errors)


@app.command()
def curve(
    city: Name,
    *,
    parameter: Annotated[
        str, typer.Option(help="Key of a number in merging.yaml, e.g. `search_radius.base_m`.")
    ] = "thresholds.merge",
    values: Annotated[str, typer.Option(help="Values to try, separated by commas, e.g. `0.3,0.4,0.5`.")],
    seeds: Annotated[
        str, typer.Option(help="Random seeds, separated by commas; the table shows the mean of all.")
    ] = "1,2,3",
    reports: Reports = None,
    noise: Noise = 1.0,
    output: Output = "text",
) -> None:
    """Show precision and recall for each value of one number in merging.yaml. The file is not changed.

    Example: grid-router merge curve puyang --parameter density_penalty --values 0,1,3 --seeds 1,2,3
    """
    candidates, numbered = numbers(values, "--values"), numbers(seeds, "--seeds")
    rules, open_stream = _input(city)
    cities = [with_value(rules, parameter, value) for value in candidates]
    streams = [open_stream(reports, int(seed), noise) for seed in numbered]
    rows = []
    for value, changed in zip(candidates, cities, strict=True):
        judged = [stream.judged(changed)[1] for stream in streams]
        rows.append({parameter: value, **means(judged)})
    if output == "json":
        json_out(rows)
    else:
        table_out(list(rows[0]), [[f"{row[parameter]:g}", *map(_share, list(row.values())[1:])] for row in rows])


def numbers(text: str, option: str) -> list[float]:
    """Parse numbers separated by commas. Raises InputError."""
    try:
        parsed = [float(one) for one in text.split(",")]
    except ValueError:
        parsed = []
    if not parsed or not all(map(isfinite, parsed)):
        raise InputError(
            f"{text[:40]!r} is not a list of numbers", where=option, hint="separate numbers by commas: 0.3,0.4"
        )
    return parsed


def means(judged: Sequence[Evaluation]) -> dict[str, float | None]:
    """The mean of each share over several evaluations; None where no evaluation has it."""
    return {
        "precision": _mean([one.pairs.precision for one in judged]),
        "recall": _mean([one.pairs.recall for one in judged]),
        "F1": _mean([one.pairs.f1 for one in judged]),
        "precision in storms": _mean([one.slices["in storms"].precision for one in judged]),
        "recall in storms": _mean([one.slices["in storms"].recall for one in judged]),
        "B3 precision": _mean([one.cubed.precision for one in judged]),
        "B3 recall": _mean([one.cubed.recall for one in judged]),
    }


def as_json(evaluation: Evaluation, errors: Sequence[MergeError]) -> dict[str, Any]:
    """The whole evaluation, with null where no pair could be compared."""
    return {
        "reports": evaluation.reports,
        "incidents": evaluation.incidents,
        "cases": evaluation.cases,
        "pairs": _score(evaluation.pairs),
        "b_cubed": to_builtins(evaluation.cubed),
        "slices": {name: _score(score) for name, score in evaluation.slices.items()},
        "networks": {" and ".join(pair): _score(score) for pair, score in evaluation.networks.items()},
        "causes": [{"what": what, "cause": cause, "pairs": pairs} for what, cause, pairs in by_cause(errors)],
        "merge_errors": to_builtins(errors),
    }


def _input(name: str) -> tuple[City, Callable[[int | None, int, float], Stream]]:
    settings = Settings()
    city = load_city(name, settings.cities)
    fed = input_of(city, city_folder(name, settings.cities))

    def made(reports: int | None, seed: int, noise: float) -> Stream:
        return stream_of(city, fed.messages(reports=reports, seed=seed, secondary_reports=True, noise=noise))

    return city, made


def _score(score: Score) -> dict[str, float | None]:
    return {**to_builtins(score), "precision": score.precision, "recall": score.recall, "f1": score.f1}


def _print_table(evaluation: Evaluation) -> None:
    say(f"{evaluation.reports:,} reports of {evaluation.incidents:,} incidents in {evaluation.cases:,} cases.")
    named = {"all pairs": evaluation.pairs, **evaluation.slices}
    networks = sorted(evaluation.networks.items(), key=lambda one: -one[1].true)
    named |= {" and ".join(pair): score for pair, score in networks if score.true or score.said}
    rows = [
        [
            name,
            _share(one.precision),
            _share(one.recall),
            _share(one.f1),
            f"{one.said:,}",
            f"{one.true:,}",
            f"{one.right:,}",
        ]
        for name, one in named.items()
    ]
    b_cubed = evaluation.cubed
    rows.insert(1, ["B-cubed, by report", _share(b_cubed.precision), _share(b_cubed.recall), "", "", "", ""])
    table_out(["pairs of reports", "precision", "recall", "F1", "said", "true", "right"], rows)


def _print_errors(errors: Sequence[MergeError]) -> None:
    say("")
    causes = by_cause(errors)[:SHOWN]
    table_out(["", "because of", "pairs"], [[what, cause, f"{pairs:,}"] for what, cause, pairs in causes])
    say("")
    for one in errors[:SHOWN]:
        first, second = one.examples[0]
        lines_out(f"{one.pairs:,} pairs {one.what}, {one.cause}: {one.sentence} ({first}, {second}).")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [one for one in shares if one is not None]
    return fmean(known) if known else None
