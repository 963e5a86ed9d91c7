"""Traffic through the doors of a deployment, which notes what was acknowledged: phones that report, a department that accepts its tasks."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from router.simulator.messages import SourceMessage
from tests.support.doors import Doors

PAUSE_S = 0.05
"""Between two reports."""


class Phones:
    """Sends reports over HTTP, each until it is acknowledged, as an app does.

    Args:
        doors: of the deployment.
        headers: with a token.
        messages: to send.
    """

    def __init__(self, doors: Doors, headers: dict[str, str], messages: Iterable[SourceMessage]) -> None:
        self.acknowledged: list[str] = []
        self.unavailable = 0
        """Answers 503 and 429: the phone keeps its copy and sends it again."""
        self._headers, self._messages = {**headers, "Content-Type": "application/json"}, messages
        self._stop = threading.Event()
        self._http = httpx.Client(base_url=doors.http.base_url, timeout=60)

    def run(self) -> None:
        """Send until all are sent or `stop` is called."""
        with self._http:
            for one in self._messages:
                while not self._stop.wait(PAUSE_S) and not self._sent(one):
                    self.unavailable += 1
                if self._stop.is_set():
                    return

    def stop(self) -> None:
        """End after the report that is being sent."""
        self._stop.set()

    def _sent(self, one: SourceMessage) -> bool:
        answered = self._http.post(f"/v1/reports/{one.network}", content=one.value, headers=self._headers)
        assert answered.status_code in {202, 503, 429}, answered.text
        if answered.status_code == httpx.codes.ACCEPTED:
            self.acknowledged.append(one.report)
        return answered.status_code == httpx.codes.ACCEPTED


class Officers:
    """Accepts each task of a department once, through one client that is never opened again.

    Args:
        doors: of the deployment.
        department: whose tasks.
    """

    def __init__(self, doors: Doors, department: str) -> None:
        self.accepted: set[str] = set()
        self._client, self._department = doors.department(department, actor="inspector-17"), department

    def run(self) -> None:
        """Accept until `stop` is called."""
        with self._client as client:
            for task in client.tasks(self._department):
                if task.id not in self.accepted and "accept" in task.possible:
                    task.accept()
                    self.accepted.add(task.id)
                task.acknowledge()

    def stop(self) -> None:
        """End after the task that is being answered."""
        self._client.stop()


@contextmanager
def at_work(*workers: Any) -> Iterator[None]:
    """Run them in threads of their own; their errors are raised at the end."""
    errors: list[BaseException] = []

    def run(one: Any) -> None:
        try:
            one.run()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in workers]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        deadline = time.monotonic() + 60
        for worker in workers:
            worker.stop()
        for one in threads:
            one.join(max(0.1, deadline - time.monotonic()))
        if errors:
            raise errors[0]
        assert not any(one.is_alive() for one in threads)
