"""Members of the workers' group whose process has ended: they leave by request, so the group waits for no session.

The group notices a crashed worker only when its session ends. Who started the worker knows at once, and only a process that has
ended is removed. Exactly once does not rest on this: the next owner of a partition fences the one before it in any case. Docs:
docs/adr/0029-dead-members-leave.md.
"""

import threading
from collections.abc import Callable

from kafka.admin import MemberToRemove
from kafka.errors import KafkaError

from router.kafka.blocking import admin_client
from router.workers.client_id import client_id

REASON = "its process has ended"
CONNECT_MS, REQUEST_MS = 5000, 5000
"""Later the session has ended anyway."""


class DeadMembers:
    """Removes members from a group, in the background.

    Args:
        bootstrap: `host:port` list of the cluster.
        group: of the workers.
        log: called with one line, from another thread.
    """

    def __init__(self, bootstrap: str, group: str, log: Callable[[str], None] = lambda _: None) -> None:
        self._bootstrap, self._group, self._log = bootstrap, group, log

    def remove(self, pid: int) -> threading.Thread:
        """Remove the member of a process that has ended, if it has not left. A failure only means that its session must end.

        Returns:
            The thread that does it.
        """
        thread = threading.Thread(target=self._remove, args=(client_id(pid),), name="dead member", daemon=True)
        thread.start()
        return thread

    def _remove(self, dead: str) -> None:
        try:
            admin = admin_client(self._bootstrap, request_ms=REQUEST_MS, connect_ms=CONNECT_MS)
        except (KafkaError, OSError, ValueError):
            return
        try:
            members = admin.describe_groups([self._group])[self._group]["members"]
            leaving = [MemberToRemove(one["member_id"], reason=REASON) for one in members if one["client_id"] == dead]
            if leaving:
                admin.remove_group_members(self._group, leaving)
                self._log(f"the group goes on without {dead}, whose process has ended")
        except (KafkaError, OSError) as error:
            self._log(f"the group waits until the session of {dead} ends ({type(error).__name__})")
        finally:
            admin.close()
