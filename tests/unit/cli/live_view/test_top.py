"""`grid-router top`: which workers it polls, and what it shows of them. The workers are real metrics pages without a router."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from rich.console import Console
from typer.testing import CliRunner

from router.cli.live_view.deployment import Address, Deployment, address, find_workers
from router.cli.live_view.metrics_poller import fetch_metrics
from router.cli.live_view.screen import Screen
from router.cli.live_view.top_view import TopView
from router.cli.main import app
from router.wire.errors import InputError
from router.wire.metrics import Metrics
from tests.support.broker import HOST, free_ports

Start = Callable[[int], Metrics]


@pytest.fixture
def port() -> int:
    return free_ports(4)


@pytest.fixture
def start(port: int) -> Iterator[Start]:
    """Starts the metrics page of a healthy worker on `port` plus its number."""
    running = []

    def one(number: int) -> Metrics:
        metrics = Metrics(CollectorRegistry())
        metrics.healthy.set(1)
        running.append(start_http_server(port + number, HOST, metrics.registry))
        return metrics

    yield one
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def deployment(port: int, *, finds_more: bool = True) -> Deployment:
    return Deployment(view=TopView("city"), addresses=find_workers(Address(HOST, port)), finds_more=finds_more)


def screen(view: TopView, width: int = 140, height: int = 40) -> str:
    console = Console(record=True, width=width, height=height, file=StringIO())
    console.print(view.render(width, height))
    return console.export_text()


def row(text: str, start: str) -> list[str]:
    return next(line for line in text.splitlines() if start in line).split()


def test_workers_are_found_from_the_first_port_to_the_first_silence(start: Start, port: int) -> None:
    for number in (0, 1, 3):
        start(number)
    assert find_workers(Address(HOST, port)) == [Address(HOST, port), Address(HOST, port + 1)]


def test_a_worker_that_is_started_later_appears(start: Start, port: int) -> None:
    start(0)
    one = deployment(port)
    one.poll(0.0)
    start(1)
    one.poll(1.0)
    assert "2 of 2 workers ok" in screen(one.view)


def test_named_workers_are_all_that_is_polled(start: Start, port: int) -> None:
    start(0)
    start(1)
    one = deployment(port)
    named = Deployment(view=TopView("city"), addresses=one.addresses[:1])
    named.poll(0.0)
    assert "1 of 1 workers ok" in screen(named.view)


def test_counts_of_all_workers_are_summed_and_each_has_its_row(start: Start, port: int) -> None:
    first, second = start(0), start(1)
    for metrics, number in ((first, 700), (second, 34)):
        metrics.reports.labels("hotline", "accepted").inc(number)
        metrics.partitions.labels("grid.events").set(number)
        metrics.tasks.labels("police", "lead").inc(number)
    first.lag_records.labels("grid.events", "0").set(12)
    first.lag_seconds.labels("grid.events", "0").set(2.25)
    second.lag_seconds.labels("grid.events", "1").set(1.5)
    second.missed_limits.labels("police", "lead").inc(3)
    second.feedback.labels("police", "accept", "applied").inc(5)
    second.feedback.labels("police", "accept", "unknown-task").inc(2)
    second.standby_partitions.labels("grid.events").set(4)
    second.standby_ready.labels("grid.events").set(3)
    one = deployment(port)
    one.poll(0.0)
    text = screen(one.view)
    assert row(text, "hotline")[:4] == ["hotline", "0", "734", "0"]
    assert row(text, "police")[-3:] == ["police", "734", "0"]
    assert row(text, f":{port} ")[:6] == [f"{HOST}:{port}", "ok", "700", "12", "0.0", "s"]
    assert " ".join(row(text, f":{port + 1} ")).startswith(f"{HOST}:{port + 1} ok 34 0 0.0 s 3 of 4")
    assert " ".join(row(text, "grid.events")[-9:]).count("grid.events 12 2.2 s") == 1
    answers = text[text.index("limits and answers") :]
    assert [row(answers, name)[-1] for name in ("missed limits", "feedback", "redelivered", "rejected")] == list("3502")
    assert one.view.line().startswith("read 734 (0/s)")


def test_what_was_counted_before_is_no_rate(start: Start, port: int) -> None:
    metrics = start(0)
    metrics.reports.labels("hotline", "accepted").inc(1_000_000)
    one = deployment(port)
    one.poll(0.0)
    metrics.reports.labels("hotline", "accepted").inc(30)
    one.poll(1.0)
    assert one.view.rates.rate() == 30
    start(1).reports.labels("hotline", "accepted").inc(500_000)
    one.poll(2.0)
    assert one.view.rates.rate() == 0
    one.poll(3.0)
    assert one.view.rates.rate() == 0


def test_a_silent_and_an_unhealthy_worker_come_first_and_are_named() -> None:
    view = TopView("city")
    for number in range(6):
        view.update(number, f"w{number}:1", {("grid_healthy", ()): 1.0})
    view.update(4, "w4:1", None)
    view.update(5, "w5:1", {("grid_healthy", ()): 0.0})
    text = screen(view, height=20)
    assert "4 of 6 workers ok" in text
    assert "w4:1 is silent; w5:1 is not healthy" in text
    below = text[text.index("uncommitted") :].splitlines()[1:]
    assert [" ".join(line.split()[:2]) for line in below[:3]] == ["w4:1 silent", "w5:1 not", "4 more"]


def test_problems_are_clauses_of_the_line() -> None:
    view = TopView("city")
    view.update(
        0,
        "w0:1",
        {
            ("grid_healthy", ()): 1.0,
            ("grid_unread_records", (("topic", "reports.drones"),)): 7.0,
            ("grid_restore_records", (("state", "remaining"),)): 900.0,
            ("grid_log_changes_total", (("change", "cut"), ("topic", "grid.events"))): 1.0,
            ("grid_dead_letters_total", (("code", "defect"), ("network", "hotline"))): 2.0,
        },
    )
    assert view.line().endswith(
        "workers 1/1  no worker reads reports.drones (7 records); 900 records to restore; 1 logs were cut; 2 defects"
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (140, 40), (200, 60)])
def test_the_screen_fits_the_terminal(width: int, height: int) -> None:
    view = TopView("city")
    page = {("grid_healthy", ()): 1.0}
    for number in range(12):
        page["grid_reports_total", (("network", f"network-{number}"), ("outcome", "accepted"))] = 123_456.0
        page["grid_tasks_total", (("department", f"department-{number}"), ("role", "lead"))] = 123_456.0
        page["grid_lag_records", (("partition", "0"), ("topic", f"reports.network-{number}"))] = 123_456.0
    for number in range(40):
        view.update(number, f"10.0.0.{number}:19100", page)
    lines = screen(view, width, height).rstrip("\n").splitlines()
    assert len(lines) <= height
    assert max(len(line) for line in lines) <= width
    assert lines[-1].strip() == "Ctrl-C ends this screen; the deployment goes on."


@pytest.mark.parametrize("hostile", ["[red]x[/red]", "\x1b[2J", "a\nb", "\N{RIGHT-TO-LEFT OVERRIDE}txt"])
def test_text_from_outside_is_only_text(hostile: str) -> None:
    view = TopView(hostile)
    page = {("grid_healthy", ()): 0.0, ("grid_unread_records", (("topic", hostile),)): 1.0}
    page["grid_lag_records", (("partition", "0"), ("topic", hostile))] = 1.0
    page["grid_reports_total", (("network", hostile), ("outcome", "accepted"))] = 1.0
    view.update(0, hostile, page)
    text = screen(view)
    assert "\x1b" not in text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    if hostile.startswith("[red]"):
        assert text.count("[red]x[/red]") >= 5


@pytest.mark.parametrize("page", [b"<html>\xff hello", b"<html>hello</html>", b"node_load1 3\n", b""])
def test_a_page_of_another_program_is_no_worker(page: bytes) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer((HOST, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with pytest.raises(InputError, match="no worker answers there"):
            find_workers(Address(HOST, server.server_port))
        server.shutdown()
        thread.join()


def test_a_page_without_an_end_is_cut_off(start: Start, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    start(0)
    assert fetch_metrics(HOST, port) is not None
    monkeypatch.setattr("router.cli.live_view.metrics_poller.MOST_BYTES", 100)
    assert fetch_metrics(HOST, port) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:19100", ("127.0.0.1", 19100)), ("[::1]:1", ("::1", 1)), ("w.city:65535", ("w.city", 65535))],
)
def test_an_address_is_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert address(text) == expected
    assert str(address(text)) == text


@pytest.mark.parametrize(
    "text", ["", "w", ":1", "w:", "w:0", "w:65536", "w:x", "http://w:1", "w:1/metrics", "a@w:1", "[::1:1"]
)
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(InputError, match="this is no HOST:PORT; write for example"):
        address(text)


def test_a_name_that_no_resolver_takes_is_a_silent_worker() -> None:
    assert fetch_metrics("w" * 70, 1) is None


def test_once_prints_one_line(start: Start, port: int) -> None:
    start(0).reports.labels("hotline", "accepted").inc(3)
    done = CliRunner().invoke(app, ["top", f"{HOST}:{port}", "--once"])
    assert done.exit_code == 0
    (line,) = done.stdout.splitlines()
    assert line.startswith("read 3 (0/s)")
    assert line.endswith("workers 1/1")


def test_the_screen_of_top_is_that_of_the_demo(start: Start, port: int) -> None:
    """One way to draw: the same class shows it, as lines without a terminal."""
    start(0)
    one, out = deployment(port), StringIO()
    with Screen(Console(file=out, width=80), one.view, live=False) as shown:
        one.poll(0.0)
        shown.update(0.0)
    assert out.getvalue().startswith("read 0 (0/s)")
    assert not one.finished(1e9)
