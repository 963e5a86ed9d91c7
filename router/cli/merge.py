"""`grid-router merge evaluate|curve`: how well reports are merged, where the truth is known, and by which numbers best."""

from collections.abc import Callable, Sequence
from math import isfinite
from statistics import fmean
from typing import Annotated, Any

import typer
from msgspec import to_builtins

from router.cities.folder import city_folder, load_city
from router.cli.text.output import Output, json_out, table_out, talk
from router.domain.rules.city import City
from router.simulator.evaluation.error_analysis import MergeError, by_cause, merge_errors
from router.simulator.evaluation.parameter_sweep import Stream, stream_of, with_value
from router.simulator.evaluation.scores import Evaluation, Score, clusters_of
from router.simulator.scenario import input_of
from router.wire.errors import InputError
from router.wire.settings import Settings

app = typer.Typer(
    no_args_is_help=True, help="Merging measured against the true incident of each report, without Kafka."
)
Name = Annotated[str, typer.Argument(help="Name of the city's folder, e.g. `puyang`.")]
Reports = Annotated[int | None, typer.Option(min=1, help="So many reports; default: all recorded, or 20,000 made.")]
Noise = Annotated[float, typer.Option(min=0, max=5, help="Of made reports: 0 none, 1 as in simulation.yaml.")]
SHOWN = 12
"""Causes and mistakes that the text shows; the JSON has all."""


@app.command("evaluate")
def evaluate_(
    city: Name,
    *,
    reports: Reports = None,
    seed: Annotated[int, typer.Option(help="Equal seeds, equal reports.")] = 1,
    noise: Noise = 1.0,
    output: Output = "text",
) -> None:
    """Merge a city's input and compare every pair of reports with the truth; then the dearest mistakes in words.

    Example: grid-router merge evaluate puyang --reports 50000 --seed 11 --noise 1.5
    """
    rules, open_ = _input(city)
    stream = open_(reports, seed, noise)
    offline, found = stream.judged(rules)
    wrong = merge_errors(stream.labels, clusters_of(offline.cases.values()), offline.reports, rules.merging)
    if output == "json":
        json_out(as_json(found, wrong))
        return
    _table(found)
    _mistakes(wrong)


@app.command()
def curve(
    city: Name,
    *,
    parameter: Annotated[
        str, typer.Option(help="A number of merging.yaml, e.g. `search_radius.base_m`.")
    ] = "thresholds.merge",
    values: Annotated[str, typer.Option(help="Joined by commas, e.g. `0.3,0.4,0.5`.")],
    seeds: Annotated[str, typer.Option(help="Joined by commas; the mean of all is shown.")] = "1,2,3",
    reports: Reports = None,
    noise: Noise = 1.0,
    output: Output = "text",
) -> None:
    """Precision and recall for each value of one number of merging.yaml; the file stays as it is.

    Example: grid-router merge curve puyang --parameter crowding --values 0,1,3 --seeds 1,2,3
    """
    rules, open_ = _input(city)
    tried = numbers(values, "--values")
    cities = [with_value(rules, parameter, value) for value in tried]
    streams = [open_(reports, int(seed), noise) for seed in numbers(seeds, "--seeds")]
    rows = []
    for value, changed in zip(tried, cities, strict=True):
        judged = [stream.judged(changed)[1] for stream in streams]
        rows.append({parameter: value, **means(judged)})
    if output == "json":
        json_out(rows)
    else:
        table_out(list(rows[0]), [[f"{row[parameter]:g}", *map(_share, list(row.values())[1:])] for row in rows])


def numbers(text: str, option: str) -> list[float]:
    """Numbers joined by commas. Raises InputError."""
    try:
        found = [float(one) for one in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(map(isfinite, found)):
        raise InputError(f"{text[:40]!r} is no list of numbers", where=option, hint="join numbers by commas: 0.3,0.4")
    return found


def means(judged: Sequence[Evaluation]) -> dict[str, float | None]:
    """Of some evaluations: the mean of each share, None where none has it."""
    return {
        "precision": _mean([one.pairs.precision for one in judged]),
        "recall": _mean([one.pairs.recall for one in judged]),
        "F1": _mean([one.pairs.f1 for one in judged]),
        "precision in storms": _mean([one.slices["in storms"].precision for one in judged]),
        "recall in storms": _mean([one.slices["in storms"].recall for one in judged]),
        "B3 precision": _mean([one.cubed.precision for one in judged]),
        "B3 recall": _mean([one.cubed.recall for one in judged]),
    }


def as_json(found: Evaluation, wrong: Sequence[MergeError]) -> dict[str, Any]:
    """Everything, with null where nothing was to judge."""
    return {
        "reports": found.reports,
        "incidents": found.incidents,
        "cases": found.cases,
        "pairs": _score(found.pairs),
        "b_cubed": to_builtins(found.cubed),
        "slices": {name: _score(score) for name, score in found.slices.items()},
        "networks": {" and ".join(pair): _score(score) for pair, score in found.networks.items()},
        "causes": [{"what": what, "cause": cause, "pairs": pairs} for what, cause, pairs in by_cause(wrong)],
        "merge_errors": to_builtins(wrong),
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


def _table(found: Evaluation) -> None:
    talk(f"{found.reports:,} reports of {found.incidents:,} incidents in {found.cases:,} cases.")
    named = {"all pairs": found.pairs, **found.slices}
    networks = sorted(found.networks.items(), key=lambda one: -one[1].true)
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
    b_cubed = found.cubed
    rows.insert(1, ["B-cubed, by report", _share(b_cubed.precision), _share(b_cubed.recall), "", "", "", ""])
    table_out(["pairs of reports", "precision", "recall", "F1", "said", "true", "right"], rows)


def _mistakes(wrong: Sequence[MergeError]) -> None:
    talk("")
    causes = by_cause(wrong)[:SHOWN]
    table_out(["", "because of", "pairs"], [[what, cause, f"{pairs:,}"] for what, cause, pairs in causes])
    talk("")
    for one in wrong[:SHOWN]:
        first, second = one.examples[0]
        typer.echo(f"{one.pairs:,} pairs {one.what}, {one.cause}: {one.sentence} ({first}, {second}).")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [one for one in shares if one is not None]
    return fmean(known) if known else None
