"""`grid-router catalogue lint|test|explain|show`: checks, tests and explains the rules of a city, without a broker."""

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from math import floor
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from router.cities.city_reader import CALENDAR, CityReading, display_path, read_city, read_tests
from router.cities.folder import cities_folder, city_folder, city_names, load_city
from router.cli.catalogue.coverage import coverage
from router.cli.catalogue.diff import diff
from router.cli.catalogue.explanation import explanation_json, explanation_text
from router.cli.catalogue.rule_sets import publish, rule_sets
from router.cli.exit_codes import CHECK_FAILED
from router.cli.text.junit import Suite, TestCase, junit
from router.cli.text.output import Output, json_out, lines_out, say
from router.cli.text.sanitize import sanitize
from router.cli.text.timestamps import instant
from router.domain.calendar import lint as calendar_lint
from router.domain.catalogue.checks.rule_tests import RuleTestContext, RuleTestRun, Threshold, local, run
from router.domain.catalogue.code_tables import EVERY_OTHER
from router.domain.catalogue.diff import receiver
from router.domain.catalogue.explain import explain as explain_route
from router.domain.catalogue.lists import Duty
from router.domain.documents import Finding, SourcePosition
from router.domain.rules.city import City
from router.simulator.synthetic import simulation
from router.wire.errors import CityError, InputError
from router.wire.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Check, test, explain and publish the rules of a city.")
Cities = Annotated[list[str] | None, typer.Argument(metavar="[CITY]...", help="Names of cities; default: all.")]
CityName = Annotated[str | None, typer.Argument(metavar="[CITY]", help="Name of the city; default: the only one.")]


@app.command()
def lint(cities: Cities = None, *, output: Output = "text") -> None:
    """Check cities and print each finding with its code, file, line and column; exit code 1 if one is an error.

    Example: grid-router catalogue lint los-angeles
    """
    root = Settings().cities
    failed = False
    for name in cities or _not_empty(city_names(root), root):
        folder = city_folder(name, root)
        reading = read_city(name, folder)
        findings = [*reading.findings, *read_tests(folder)[1], *simulation.lint(folder, reading.city)]
        findings += _calendar_end(folder, reading.city)
        failed = failed or any(finding.level == "error" for finding in findings)
        for finding in findings:
            if output == "json":
                json_out(_finding(finding) | {"city": name})
            else:
                lines_out(f"{finding.place}: {finding.level} {finding.code} {finding.message}; {finding.hint}.")
        say(_summary(reading, findings))
    if failed:
        raise typer.Exit(CHECK_FAILED)


def _calendar_end(folder: Path, city: City | None) -> list[Finding]:
    """A warning when the calendar's data end soon. It depends on today, so it is not a finding of the folder."""
    calendar = city.calendar if city else None
    if calendar is None:
        return []
    mark = SourcePosition(display_path(folder / CALENDAR / f"{calendar.last}.yaml"))
    return list(calendar_lint.check_end(calendar, mark, datetime.now(calendar.zone).date()))


def _not_empty(names: list[str], root: Path | None) -> list[str]:
    """The names. Raises CityError if there are none, because that means a mistyped folder."""
    if names:
        return names
    raise CityError(
        "there is no city", where=display_path(cities_folder(root)), hint="a city is a folder with a city.yaml in it"
    )


def _finding(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in finding.__struct_fields__}


def _summary(reading: CityReading, findings: Sequence[Finding]) -> str:
    errors = sum(finding.level == "error" for finding in findings)
    counts = f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}"
    if (covered := reading.coverage) is None:
        return f"{reading.name}: {counts}; coverage was not checked, because of the errors."
    return (
        f"{reading.name}: {counts}; {covered.matters:,} matters x {covered.cells:,} cells x {_count(covered.periods, 'period')}: "
        f"{covered.share:.1%} have exactly one lead, {covered.by_fallback:,} of them only by the fallback."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@app.command("test")
def run_tests(
    cities: Cities = None,
    *,
    minimum: Annotated[
        float | None,
        typer.Option(
            "--min", min=0, max=100, help="Percentage of duties that tests must reach; default: that of tests.yaml."
        ),
    ] = None,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="File for the results as JUnit XML.")] = None,
    output: Output = "text",
) -> None:
    """Run the rule tests of cities (tests.yaml); exit code 1 if one fails or too few duties are tested.

    Example: grid-router catalogue test los-angeles --junit build/catalogue.xml
    """
    root = Settings().cities
    suites: list[Suite] = []
    passed = True
    for name in cities or _not_empty(city_names(root), root):
        test_run = _run(name, root, minimum)
        passed = passed and test_run.passed
        suites.append(_suite(name, test_run))
        if output == "json":
            json_out({"city": name} | _run_json(test_run))
        else:
            lines_out(*_run_text(name, test_run).split("\n"))
    if junit_file is not None:
        _write(junit_file, junit(suites))
    if not passed:
        raise typer.Exit(CHECK_FAILED)


def _run(name: str, root: Path | None, minimum: float | None) -> RuleTestRun:
    city = load_city(name, root)
    tests_read, findings = read_tests(city_folder(name, root))
    if tests_read is None:
        raise CityError(f"{findings[0].code} {findings[0].message}", where=findings[0].place, hint=findings[0].hint)
    tests, document = tests_read
    if minimum is not None:
        tests = tests.model_copy(update={"coverage": Threshold(min=minimum)})
    context = RuleTestContext(
        catalogue=city.catalogue, codes=city.codes, cells=city.cells.cells, zone=city.zone, calendar=city.calendar
    )
    return run(tests, document, context)


def _run_text(name: str, test_run: RuleTestRun) -> str:
    lines = []
    for verdict in test_run.verdicts:
        if verdict.failures:
            lines.append(f"FAILED {sanitize(verdict.name)}")
            lines += [f"  {failure.mark}: {sanitize(failure.message)}" for failure in verdict.failures]
    if test_run.untested:
        lines.append(f"{name}: no test reaches the duties {', '.join(test_run.untested)}")
    failed = sum(bool(verdict.failures) for verdict in test_run.verdicts)
    result = "passed" if test_run.passed else "failed"
    lines.append(f"{name}: {_count(len(test_run.verdicts), 'test')}, {failed} failed; {_covered(test_run)}: {result}")
    return "\n".join(lines)


def _covered(test_run: RuleTestRun) -> str:
    """How many duties are tested. The percentage is cut, not rounded: 99.6 % would read as 100 % and fail."""
    tested = test_run.duties - len(test_run.untested)
    share = floor(test_run.coverage * 100) / 100
    return f"{tested:,} of {test_run.duties:,} duties tested ({share:g} %), {test_run.threshold:g} % required"


def _run_json(test_run: RuleTestRun) -> dict[str, Any]:
    return {
        "passed": test_run.passed,
        "coverage": test_run.coverage,
        "wanted": test_run.threshold,
        "untested": test_run.untested,
        "tests": [
            {
                "name": verdict.name,
                "place": str(verdict.mark),
                "passed": not verdict.failures,
                "failures": [{"place": str(one.mark), "message": one.message} for one in verdict.failures],
                "reason": verdict.route.reason if verdict.route else None,
            }
            for verdict in test_run.verdicts
        ],
    }


def _suite(name: str, test_run: RuleTestRun) -> Suite:
    cases = [
        TestCase(
            name=verdict.name,
            place=str(verdict.mark),
            failures=tuple(f"{f.mark}: {f.message}" for f in verdict.failures),
        )
        for verdict in test_run.verdicts
    ]
    few = f"{_covered(test_run)}; untested: {', '.join(test_run.untested)}"
    covered = TestCase(
        name="rule coverage", place=f"{name}:1:1", failures=() if test_run.coverage >= test_run.threshold else (few,)
    )
    return Suite(name=f"catalogue {name}", cases=[*cases, covered])


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"the file cannot be written ({error.strerror})", where=str(file), hint="choose another --junit"
        ) from None


@app.command()
def explain(
    city: CityName = None,
    *,
    matter: Annotated[str | None, typer.Option(help="Id of a matter.")] = None,
    network: Annotated[str | None, typer.Option(help="Network whose code table gives the matter of `--code`.")] = None,
    code: Annotated[str | None, typer.Option(help="Class code of the network, instead of `--matter`.")] = None,
    cell: Annotated[str, typer.Option(help="Code of a cell, 15 digits.")],
    at: Annotated[str, typer.Option(help="Time: local time of the city, a time with a zone, -1h, or now.")] = "now",
    output: Output = "text",
) -> None:
    """Explain which department must act on a matter in a cell at a time, and which duty decides it.

    Example: grid-router catalogue explain los-angeles --matter graffiti --cell 060371002014021 --at 2026-10-01T09:00
    """
    found = _city_of(city, cell)
    if matter is None:
        matter, sentence = _matter_of(found, network, code)
        say(sentence)
    if matter not in found.catalogue.matters:
        near = get_close_matches(matter, found.catalogue.matters, n=1)
        hint = f"perhaps {near[0]} was meant" if near else f"choose one of {', '.join(found.catalogue.matters)}"
        raise InputError(f"{found.name} has no matter {matter[:60]!r}", where="--matter", hint=hint)
    if cell not in found.cells.cells:
        hint = f"`grid-router cells resolve {found.name} --lon ... --lat ...` prints one"
        raise InputError(f"{found.name} has no cell {cell[:40]!r}", where="--cell", hint=hint)
    instant_ = local(at, found.zone) or instant(at, datetime.now(UTC), option="--at")
    explanation = explain_route(found.catalogue, matter, cell, instant_)
    if output == "json":
        json_out(explanation_json(explanation, found))
    else:
        explanation_text(explanation, found)


def _matter_of(city: City, network: str | None, code: str | None) -> tuple[str, str]:
    """The matter of a network's code and a sentence that says which row of the code table gives it."""
    if network is None or code is None:
        raise InputError("nothing says what happened", where="--matter", hint="name it, or both --network and --code")
    table = city.codes.get(network)
    if table is None:
        hint = f"choose one of {', '.join(sorted(city.codes))}"
        raise InputError(f"{city.name} has no code table for {network[:40]!r}", where="--network", hint=hint)
    matter = table.matter(code, None)
    if matter is not None:
        return matter, f"{network} code {code[:100]!r} means {matter}."
    if table.otherwise is None:
        hint = f"a report with it is rejected (unknown-code); a row `{EVERY_OTHER}` in {table.file} would take it"
        raise InputError(f"{network} has no code {code[:40]!r}", where="--code", hint=hint)
    matter = table.otherwise.matter
    return (
        matter,
        f"{network} has no code {code[:100]!r}; the row `{EVERY_OTHER}` makes it {matter} ({table.file}:{table.otherwise.line}).",
    )


def _city_of(name: str | None, cell: str) -> City:
    """The named city. Without a name: the first city that has the cell, else the first of all."""
    root = Settings().cities
    if name is not None:
        return load_city(name, root)
    names = city_names(root)
    if not names:
        raise CityError(
            "there is no city", where=display_path(cities_folder(root)), hint="write one; see docs/how-to/add-a-rule.md"
        )
    cities = [load_city(one, root) for one in names]
    return next((city for city in cities if cell in city.cells.cells), cities[0])


@app.command()
def show(city: CityName = None) -> None:
    """Show a city's duties as a tree with their matters, area, dates, lead and assisting departments.

    Example: grid-router catalogue show los-angeles
    """
    found = _city_of(city, "")
    tree = Tree(_visible(f"{found.title}, catalogue {found.catalogue.version}"))
    nodes: dict[tuple[str, ...], Tree] = {}
    for duty in found.catalogue.duties:
        parent = next((nodes[p] for n in range(len(duty.path), 0, -1) if (p := duty.path[:n]) in nodes), tree)
        nodes[duty.path] = parent.add(_visible(_duty(duty)))
    if (fallback := found.catalogue.fallback) is not None:
        tree.add(_visible(f"fallback: everything else -> {receiver(fallback)}"))
    Console().print(tree)


def _visible(text: str) -> Text:
    return Text(sanitize(text))


def _duty(duty: Duty) -> str:
    where = ", ".join(area or "the whole city" for area in duty.areas)
    assist = "".join(f" + {receiver(one)}" for one in duty.assist)
    since = f" from {duty.since}" if duty.since else ""
    until = f" until {duty.until}" if duty.until else ""
    return f"{duty.id}: {', '.join(duty.matters)} in {where}{since}{until} -> {receiver(duty.lead)}{assist}"


for command in (coverage, diff, publish, rule_sets):
    app.command()(command)
