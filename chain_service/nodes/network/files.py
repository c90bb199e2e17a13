"""What stands beside the nodes' own files: where Prometheus looks, how systemd runs them."""

from __future__ import annotations

from pathlib import Path

from chain_service.nodes.network.descriptor import Network, NodeDescriptor
from chain_service.nodes.network.engines.engine import engine_of

PROMETHEUS_FILE = "prometheus.yml"
COMPOSE_FILE = "compose.yaml"


def write_files(directory: Path, network: Network) -> None:
    """Prometheus, systemd and, for Besu, compose files of the own nodes are those of this network."""
    own = network.own(directory)
    (directory / PROMETHEUS_FILE).write_text(_prometheus(network, own), "utf-8")
    units = directory / "systemd"
    units.mkdir(exist_ok=True)
    for node in own:
        (units / f"chain-{node.name}.service").write_text(_unit(directory, network, node), "utf-8")
    compose = engine_of(network.engine).compose(network, own)
    if compose is not None:
        (directory / COMPOSE_FILE).write_text(compose, "utf-8")


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
        "User=chain-service",
        "UMask=0077",
        f"WorkingDirectory={folder}",
        *before,
        f"ExecStart={' '.join(words)}",
        "KillMode=mixed",
        f"KillSignal={engine.STOP_SIGNAL}",
        "TimeoutStopSec=60",
        "Restart=always",
        "RestartSec=1",
        "NoNewPrivileges=true",
        "PrivateTmp=true",
        "ProtectSystem=strict",
        f"ReadWritePaths={folder}",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]
    return "\n".join(lines) + "\n"
