"""What the system says of a process."""

from pathlib import Path


def is_stopped(pid: int) -> bool:
    """Whether it stands still by SIGSTOP; its name, which may hold anything, stands in brackets before its state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
