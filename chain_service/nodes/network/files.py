"""What stands beside the nodes' own files: where Prometheus looks, how systemd runs them."""

from __future__ import annotations

from pathlib import Path

from chain_service.files import write_shared
from chain_service.nodes.network.descriptor import Network, NodeDescriptor
from chain_service.nodes.network.engines.engine import engine_of

PROMETHEUS_FILE = "prometheus.yml"
COMPOSE_FILE = "compose.yaml"
HARDENED = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged",
    "SystemCallErrorNumber=EPERM",
)
"""What no node needs. Besu's Java compiles while it runs, and both programs look at memory and network interfaces:
so code that is written while it runs, other values in /proc and netlink stay allowed.
"""


def write_files(directory: Path, network: Network) -> None:
    """Prometheus, systemd and, for Besu, compose files of the own nodes are those of this network."""
    own = network.own(directory)
    write_shared(directory / PROMETHEUS_FILE, _prometheus(network, own))
    units = directory / "systemd"
    units.mkdir(exist_ok=True)
    for node in own:
        write_shared(units / f"chain-{node.name}.service", _unit(directory, network, node))
    compose = engine_of(network.engine).compose(network, own)
    if compose is not None:
        write_shared(directory / COMPOSE_FILE, compose)


def _prometheus(network: Network, own: tuple[NodeDescriptor, ...]) -> str:
    lines = ["scrape_configs:", f"  - job_name: chain-{network.chain_id}", "    scrape_interval: 15s"]
    lines += [f"    metrics_path: {engine_of(network.engine).METRICS_PATH}", "    static_configs:"]
    for node in own:
        lines += [
            f'      - targets: ["127.0.0.1:{node.metrics_port}"]',
            f'        labels: {{node: "{node.name}", role: "{node.role}"}}',
        ]
    return "\n".join(lines) + "\n"


def _unit(directory: Path, network: Network, node: NodeDescriptor) -> str:
    """One node as a service of its own; Restart=always is what brings a halted Clique back."""
    folder = (directory / node.name).resolve()
    engine = engine_of(network.engine)
    program = Path(engine.INSTALLED)
    words, first = engine.command(program, network, node), engine.preparation(program)
    before = [f"ExecStartPre={' '.join(first)}"] if first is not None else []
    lines = [
        "[Unit]",
        f"Description=Chain node {node.name} ({node.role})",
        "Wants=network-online.target",
        "After=network-online.target",
        "",
        "[Service]",
        "User=chain-node",
        "UMask=0077",
        f"WorkingDirectory={folder}",
        *before,
        f"ExecStart={' '.join(words)}",
        "KillMode=mixed",
        f"KillSignal={engine.STOP_SIGNAL}",
        "TimeoutStopSec=60",
        "Restart=always",
        "RestartSec=1",
        *HARDENED,
        f"ReadWritePaths={folder}",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"
