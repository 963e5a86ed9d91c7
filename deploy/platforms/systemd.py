"""systemd units: workers with their supervisor, and a gateway, on a machine of their own."""

from deploy.platforms.deployment import CITY, GATEWAY, STOP_S, VENV, WORKER, Program, environment
from deploy.platforms.text import GENERATED
from router.wire.settings import PREFIX

SETTINGS = "/etc/grid-router/settings.env"
HOME = f"{PREFIX}HOME"
"""Each unit has a folder of its own, because each runs as a user of its own."""
KAFKA = "kafka-1:9092,kafka-2:9092,kafka-3:9092"
# A worker bounds the process that reads a rule set (setrlimit), so @resources stays allowed.
_HARDENING = """\
DynamicUser=yes
StateDirectoryMode=0700
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
PrivateTmp=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
"""


def files() -> dict[str, str]:
    """Path below `deploy` -> text."""
    serve = _unit(
        WORKER,
        "workers",
        f"serve {CITY} --workers {WORKER.copies}",
        "ExecReload=/bin/kill -HUP $MAINPID\nKillMode=mixed\n",
    )
    return {
        "systemd/grid-router.service": serve,
        "systemd/grid-router-gateway.service": _unit(GATEWAY, "gateway for apps", " ".join(GATEWAY.command), ""),
        "systemd/settings.env": _settings(),
    }


def _settings() -> str:
    shared = {**environment(KAFKA), f"{PREFIX}CITIES": "/etc/grid-router/cities"}
    lines = "".join(f"{name}={value}\n" for name, value in shared.items() if name != HOME)
    return f"{GENERATED} Copy it to {SETTINGS}.\n{lines}"


def _unit(one: Program, what: str, command: str, more: str) -> str:
    """A unit. systemd copies each secret into a folder that the program alone can read (`%d`)."""
    secrets = "".join(
        f"LoadCredential={file}:/etc/grid-router/{file}\nEnvironment={PREFIX}{setting}=%d/{file}\n"
        for setting, file in one.secrets.items()
    )
    return f"""\
{GENERATED}
[Unit]
Description=grid-router: {what} of {CITY}
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
EnvironmentFile={SETTINGS}
StateDirectory=grid-router-{one.name}
WorkingDirectory=%S/grid-router-{one.name}
Environment={HOME}=%S/grid-router-{one.name}
{secrets}ExecStart={VENV}/bin/grid-router {command}
{more}TimeoutStopSec={STOP_S}
Restart=on-failure
RestartSec=2
MemoryMax={one.memory_mib * one.copies}M
{_HARDENING}
[Install]
WantedBy=multi-user.target
"""
