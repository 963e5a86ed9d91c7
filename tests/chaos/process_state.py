"""The state of a process according to /proc."""

from pathlib import Path


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP has stopped it. The state follows the name, which is in brackets and may contain any character."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
