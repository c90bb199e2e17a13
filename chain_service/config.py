"""Settings of one instance, from `DIR/config.toml` and the environment; nothing else reads the environment."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from chain_service.errors import NotFound

_PREFIX = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+(?:/[A-Za-z0-9._~!$&'()*+,;=:/-]*)?")


class Settings(BaseSettings):
    """One instance's settings; `CHAIN_SERVICE_<NAME>` in the environment wins over `DIR/config.toml`."""

    model_config = SettingsConfigDict(env_prefix="CHAIN_SERVICE_", extra="forbid", frozen=True)

    data: Path = Field(Path("data"), description="directory that holds everything the instance keeps")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite at DIR/chain_service.db")
    database_connections: int = Field(60, ge=2, le=1000, description="most connections to the database at once")
    database_connect_timeout: float = Field(5.0, ge=2, description="seconds to wait for the database server's answer")
    database_pool_timeout: float = Field(10.0, gt=0, description="seconds to wait for one of those connections")
    database_lock_timeout: float = Field(30.0, gt=0, description="seconds to wait for a lock of the database")
    database_statement_timeout: float = Field(
        60.0, gt=0, description="seconds that PostgreSQL may work on one statement; migrations take as long as they do"
    )
    disk_reserve: int = Field(64, ge=0, description="MiB that must be free below DIR for the instance to be ready")
    rpc_urls: list[str] = Field(["http://127.0.0.1:8545"], description="nodes, the preferred one first")
    rpc_timeout: float = Field(10.0, gt=0, description="seconds to wait for a node's answer")
    password: SecretStr | None = Field(None, description="password of the keystores; wins over password_file")
    password_file: Path | None = Field(None, description="file with that password; default DIR/password")
    operator_directory: Path | None = Field(
        None,
        description="directory of the registrar's and root keys once `keystore separate` was run; default DIR/operator",
    )
    operator_password: SecretStr | None = Field(None, description="its password; wins over operator_password_file")
    operator_password_file: Path | None = Field(
        None, description="file with that password; default `password` in operator_directory"
    )
    node_password_file: Path | None = Field(
        None, description="file with the password of the trial chain's sealing key; default DIR/node/password"
    )
    backup_password: SecretStr | None = Field(
        None, description="password of backups, another than the keystores'; wins over backup_password_file"
    )
    backup_password_file: Path | None = Field(None, description="file with the password of backups")
    erasure_list: Path | None = Field(
        None,
        description="file that lists erasures, ended keys and rules for final ends; default DIR/erasures.ndjson",
    )
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on")
    behind_proxy: bool = Field(False, description="a TLS proxy stands in front: allows listening beyond loopback")
    proxy_hops: int = Field(
        1, ge=1, le=16, description="proxies before us with behind_proxy, each of which appends to X-Forwarded-For"
    )
    proxy_networks: list[str] = Field(
        [], description="networks of these proxies, instead of their number; nobody else's X-Forwarded-For counts then"
    )
    tls_certificate: Path | None = Field(None, description="PEM file; with tls_key the service speaks TLS itself")
    tls_key: Path | None = Field(None, description="PEM file of the TLS key")
    chain_directory: Path | None = Field(
        None, description="directory of the embedded trial chain, where it lies outside DIR; default DIR/node"
    )
    chain_port: int = Field(8545, ge=0, le=65535, description="port of the embedded trial chain")
    block_period: int = Field(1, ge=0, description="least seconds between two blocks of the trial chain")
    heartbeat: float = Field(60.0, gt=0, description="seconds after which the trial chain seals an empty block")
    geth: Path | None = Field(None, description="go-ethereum 1.13.15 for a network; empty means found or built")
    batch_size: int = Field(10_000, ge=1, le=2**18, description="records that close a batch at once; also its bound")
    batch_age: float = Field(1.0, ge=0, description="seconds after which waiting records are closed into a batch")
    journal_period: float = Field(
        86_400, gt=0, description="seconds between two anchored heads of the journal of what no chain proves"
    )
    journal_organisation: str | None = Field(
        None, description="organisation whose log carries them; empty means the first of this instance"
    )
    poll_interval: float = Field(0.25, gt=0, description="seconds between two runs of a worker's step")
    halted_after: float = Field(90.0, gt=0, description="age in seconds of the newest final block that raises an alert")
    stale_after: float = Field(300.0, gt=0, description="age in seconds of the newest final block that counts as stale")
    offline_age_limit: int = Field(86_400, ge=1, description="seconds after which a receipt's status is out of date")
    trusting_period: int = Field(
        180 * 86_400, ge=1, description="seconds that a trust file relies on validators' seals without newer ones"
    )
    trust_lifetime: int = Field(366 * 86_400, ge=2, description="seconds until a trust file is out of date")
    max_body: int = Field(16 * 2**20, ge=1024, description="largest request body in bytes")
    max_file: int = Field(20 * 2**20, ge=1024, description="largest file to verify in bytes")
    max_lines: int = Field(10_000, ge=1, description="most records in one NDJSON body")
    max_connections: int = Field(
        1000, ge=16, description="connections at a time; fewer where descriptors (`ulimit -n`) do not allow it"
    )
    address_connections: int = Field(
        64, ge=1, description="connections of one client address at a time; with behind_proxy its requests at a time"
    )
    half_open: int = Field(
        128, ge=8, description="connections without a whole request header at a time; beyond it the oldest is closed"
    )
    header_seconds: float = Field(10.0, gt=0, description="seconds for a request's header, with the TLS handshake")
    body_seconds: float = Field(
        30.0, gt=0, description="seconds of waiting for a body, or for a reader of the answer, beyond least_rate"
    )
    least_rate: int = Field(4096, ge=1, description="bytes a second that bodies and readers of answers have to keep up")
    spool_bytes: int = Field(2**30, ge=2**20, description="bytes of unfinished uploads on disk, of all clients")
    address_spool_bytes: int = Field(2**28, ge=2**20, description="the same of one client address")
    body_memory: int = Field(
        48 * 2**20, ge=2**20, description="bytes of large bodies that are worked on at a time; the others wait on disk"
    )
    log_rate: int = Field(200, ge=1, description="log lines of one kind a second; what exceeds it is only counted")
    idempotency_keys: int = Field(
        1_000_000, ge=1, description="most first answers kept for the Idempotency-Keys of one API key"
    )
    public_rate: str = Field("120/minute", description="verifications per client address without a key")
    daily_lookups: int = Field(
        2_000, ge=1, description="look-ups by identifier that an API key may make in a day, unless it says otherwise"
    )
    missed_lookups: int = Field(
        100, ge=1, description="look-ups by one key that find nothing within an hour and raise an alert"
    )
    approval_lifetime: int = Field(
        7 * 86_400, ge=60, description="seconds that a final end of a record waits for its second approval"
    )
    trust_store: Path | None = Field(
        None, description="directory of root certificates and revocation lists for documents; default DIR/trust-store"
    )
    revocation_list_age: float = Field(
        7 * 86_400.0, gt=0, description="age in seconds up to which a revocation list counts as current"
    )
    ocsp_responders: list[str] = Field(
        [], description="URL prefixes of OCSP responders that may be asked; with none nothing is fetched"
    )
    sm2_user_id: str = Field(
        "1234567812345678", min_length=1, max_length=2000, description="id of signers in SM2 digests (GM/T 0009)"
    )
    parsers: int = Field(2, ge=1, le=64, description="processes that read documents")
    parser_queue: int = Field(32, ge=0, le=10_000, description="documents that may wait for one; beyond it 503 `busy`")
    parser_memory: int = Field(256, ge=128, description="MiB of address space of such a process")
    parse_seconds: float = Field(10.0, ge=1, le=250, description="seconds of computing for one document")
    parse_seconds_public: float = Field(5.0, ge=1, le=250, description="the same for callers without a key")

    @field_validator("proxy_networks")
    @classmethod
    def _networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            ip_network(network)
        return networks

    @field_validator("ocsp_responders")
    @classmethod
    def _prefixes(cls, prefixes: list[str]) -> list[str]:
        for prefix in prefixes:
            if not _PREFIX.fullmatch(prefix) or ".." in prefix:
                raise ValueError(
                    f"{prefix!r} is not a URL prefix such as http://ocsp.example/ or https://host:8443/ocsp"
                )
        return prefixes

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment wins over `DIR/config.toml`; DIR itself is told by the
        first two.
        """
        data = init_settings().get("data") or env_settings().get("data") or "data"
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(data) / "config.toml")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{(self.data / 'chain_service.db').resolve()}"

    @property
    def trust_directory(self) -> Path:
        """Where the trust store for documents lies; it need not exist."""
        return self.trust_store or self.data / "trust-store"

    @property
    def deployment_file(self) -> Path:
        """Which contracts on which chain the instance uses; written when it is deployed."""
        return self.data / "deployment.json"

    @property
    def password_change_file(self) -> Path:
        """What a change of the keystores' password has decided and not carried out everywhere yet; rarely there."""
        return self.data / "password-change.json"

    @property
    def registrar_file(self) -> Path:
        """Encrypted key of the account that registers organisations."""
        return (self.operator_home or self.data) / "registrar.json"

    @property
    def operator_home(self) -> Path | None:
        """Where the registrar's and root keys lie apart; None where they lie with the others, under one password."""
        if self.operator_directory is not None:
            return self.operator_directory
        return separate if (separate := self.data / "operator").is_dir() else None

    @property
    def node_directory(self) -> Path:
        """Directory of the embedded trial chain."""
        return self.chain_directory or self.data / "node"

    @property
    def erasures(self) -> Path:
        """The list of what was erased and revoked, for databases that are older than that."""
        return self.erasure_list or self.data / "erasures.ndjson"

    def password_of_backups(self) -> str:
        """The password that encrypts backups. Raises `NotFound` (code `no_backup_password`) if none is set."""
        if self.backup_password is not None:
            return self.backup_password.get_secret_value()
        try:
            given = self.backup_password_file.read_text(encoding="utf-8").strip() if self.backup_password_file else ""
        except OSError as error:
            why = f"{self.backup_password_file}: {error.strerror}"
            raise NotFound(why, code="no_backup_password") from error
        if not given:
            raise NotFound(
                "no password for backups: set CHAIN_SERVICE_BACKUP_PASSWORD or name a file with --password-file",
                code="no_backup_password",
            )
        return given

    def keystore_password(self) -> str:
        """The password that opens the keystores. Raises `NotFound` (code `no_password`) if none is set."""
        if self.password is not None:
            return self.password.get_secret_value()
        return _read_password(self.password_file or self.data / "password", "CHAIN_SERVICE_PASSWORD")

    def operator_secret(self) -> str:
        """The password of the registrar's and root keys. Raises `NotFound` (code `no_password`) if none is set."""
        home = self.operator_home
        if home is None:
            return self.keystore_password()
        return self.stated_operator_password() or _read_password(home / "password", "CHAIN_SERVICE_OPERATOR_PASSWORD")

    def stated_operator_password(self) -> str | None:
        """The password that the settings have for the operator's directory. Raises `NotFound` (code `no_password`)."""
        if self.operator_password is not None:
            return self.operator_password.get_secret_value()
        file = self.operator_password_file
        return None if file is None else _read_password(file, "CHAIN_SERVICE_OPERATOR_PASSWORD")

    def node_secret(self) -> str:
        """The password of the trial chain's sealing key. Raises `NotFound` (code `no_password`) if none is set."""
        if not self.node_apart:
            return self.keystore_password()
        return _read_password(self.node_password_path, "node_password_file")

    @property
    def node_apart(self) -> bool:
        """Whether the sealing key has a password of its own."""
        return self.node_password_file is not None or self.node_password_path.is_file()

    @property
    def node_password_path(self) -> Path:
        """The file with the password of the sealing key, once that has one of its own."""
        return self.node_password_file or self.node_directory / "password"


def _read_password(file: Path, setting: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        why = f"no keystore password: set {setting} or put it into {file}"
        raise NotFound(why, code="no_password") from error
