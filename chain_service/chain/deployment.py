"""Which chain and which contracts this instance means, and how they came to be there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from eth_utils.address import to_checksum_address

from chain_service.chain.contracts import CONTRACTS, decode_result, encode_call, encode_constructor, runtime_code
from chain_service.chain.reader import BLOCKS_AT_ONCE, ChainReader
from chain_service.chain.rpc import Rpc, RpcError, quantity
from chain_service.chain.sender import Sender, SignedTransaction
from chain_service.core.chainproof import consensus
from chain_service.core.chainproof.clique_votes import Signers
from chain_service.core.chainproof.consensus import Genesis
from chain_service.core.chainproof.headers import decode_fields, header_rlp_from_json
from chain_service.core.chainproof.storage_layout import ORGANISATIONS, RECORD_LOG, RECORD_STATUS
from chain_service.core.chainproof.trust import CONSENSUS, CONSENSUS_NAMES, ChainTrust, PinnedContract, joined
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import Conflict, Corrupt, InvalidProof, NotFound, Unavailable
from chain_service.files import write_new

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

POLL_SECONDS = 0.1
WRONG_CHAIN_SECONDS = 3600.0
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class DeployedContract:
    """One contract: where, with which code, since which block."""

    address: str
    code_hash: bytes
    block: int

    @property
    def raw_address(self) -> bytes:
        """The 20 bytes of the address."""
        return _raw(self.address)


@dataclass(frozen=True)
class Deployment:
    """`DIR/deployment.json`: everything needed to recognise the chain and believe its proofs.

    `validators` are ranges (first block, validators' addresses ascending), the last one open, as they were when the
    contracts were deployed; `headers` ranges (first block, fields of a header), none where it does not matter.
    """

    version: str
    chain_id: int
    genesis_hash: bytes
    consensus: str
    validators: tuple[tuple[int, tuple[str, ...]], ...]
    contracts: Mapping[str, DeployedContract]
    registrar: str
    headers: tuple[tuple[int, int], ...] = ()

    @classmethod
    def load(cls, file: Path) -> Deployment:
        """Raises `NotFound` (code `not_deployed`) if the file is missing, `Corrupt` if it cannot be read."""
        if not file.is_file():
            raise NotFound("no contracts are deployed yet; run deploy", code="not_deployed", file=str(file))
        try:
            return _from_json(orjson.loads(file.read_bytes()))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise Corrupt("the deployment file cannot be read", code="damaged_deployment", file=str(file)) from error

    def save(self, file: Path) -> None:
        """The file exists, complete or not at all. Raises `Conflict` (code `already_deployed`) if it existed."""
        content = orjson.dumps(_to_json(self), option=orjson.OPT_INDENT_2)
        write_new(file, content, code="already_deployed")

    def trust(self) -> ChainTrust:
        """What `core.chainproof.evidence` verifies against."""
        return ChainTrust(
            chain_id=self.chain_id,
            genesis_hash=self.genesis_hash,
            ranges=joined(
                ((first, tuple(_raw(address) for address in addresses)) for first, addresses in self.validators),
                self.headers,
                CONSENSUS[self.consensus],
            ),
            contracts={
                name: PinnedContract(_raw(contract.address), contract.code_hash, self.version)
                for name, contract in self.contracts.items()
            },
        )

    def address(self, contract: str) -> str:
        """The contract's address."""
        return self.contracts[contract].address

    @property
    def first_block(self) -> int:
        """The first block that can hold an event of ours."""
        return min(contract.block for contract in self.contracts.values())


def read_genesis(rpc: Rpc) -> tuple[int, Genesis]:
    """Chain id and genesis of the chain behind `rpc`: the one thing that has to be believed once, when deploying.

    Raises `Unavailable`, `InvalidProof` if block 0 is no genesis that we know or does not give its own hash.
    """
    chain_id, block = rpc.batch([("eth_chainId", ()), ("eth_getBlockByNumber", ("0x0", False))])
    if not isinstance(block, dict):
        raise Unavailable("the node has no genesis block", code="node_unavailable")
    return quantity(chain_id), consensus.read_genesis(header_rlp_from_json(block))


@dataclass(frozen=True)
class _Plan:
    """The transactions of one deployment, signed, and the addresses they create."""

    registrar: str
    addresses: Mapping[str, str]
    transactions: Mapping[str, SignedTransaction]


def deploy(
    rpc: Rpc, registrar: LocalAccount, *, state: Path, progress: Progress | None = None, timeout: float = 120.0
) -> Deployment:
    """All five contracts stand, owned by `registrar`, their code proven against a sealed block.

    Signed transactions are kept in `state` before they are sent, so that an interrupted run is finished by the next
    one; the file is removed by whoever has stored the result. `progress(contract, done, total)`; `timeout` in seconds
    for each block to come. Raises `Unavailable`, `Reverted`, `Conflict` (code `wrong_chain`) if `state` belongs to
    another chain or registrar.
    """
    report = progress or _unheard
    chain_id, genesis = read_genesis(rpc)
    sender = Sender(rpc, chain_id)
    plan = _load_plan(state, chain_id, genesis.block_hash, registrar.address)
    if plan is None:
        plan = _make_plan(sender, registrar)
        _store_plan(state, plan, chain_id, genesis.block_hash)
    for signed in plan.transactions.values():
        sender.broadcast(signed)
    contracts: dict[str, DeployedContract] = {}
    for done, (name, signed) in enumerate(plan.transactions.items()):
        report(name, done, len(plan.transactions))
        code = runtime_code(name, _immutables(plan.addresses, chain_id))
        block = sender.wait(signed.hash, timeout).block
        contracts[name] = DeployedContract(plan.addresses[name], keccak256(code), block)
        report(name, done + 1, len(plan.transactions))
    deployment = Deployment(
        version=decode_result(
            ORGANISATIONS, "version", sender.call(plan.addresses[ORGANISATIONS], encode_call(ORGANISATIONS, "version"))
        ),
        chain_id=chain_id,
        genesis_hash=genesis.block_hash,
        consensus=CONSENSUS_NAMES[genesis.form],
        validators=((0, tuple(to_checksum_address(validator) for validator in genesis.validators)),),
        contracts=contracts,
        registrar=registrar.address,
    )
    deployment = _with_ranges(rpc, deployment)
    _prove_code(rpc, deployment, timeout)
    return deployment


def _with_ranges(rpc: Rpc, deployment: Deployment) -> Deployment:
    """The same with the validators and the form of headers up to now: Clique's votes counted from genesis on, QBFT's
    fields as genesis has them.
    """
    trust = deployment.trust()
    chain_consensus = consensus.consensus_of(trust)
    if chain_consensus.needs_field_count:
        genesis = rpc.call("eth_getBlockByNumber", "0x0", False)
        deployment = replace(deployment, headers=((0, len(decode_fields(header_rlp_from_json(genesis)))),))
    if not chain_consensus.counts_validators:
        return deployment
    reader = ChainReader(rpc, trust)
    signers, parent = Signers(trust.validators_at(0)), trust.genesis_hash
    ranges = list(deployment.validators)
    number, last = 1, reader.head()
    while number <= last:
        raws = reader.headers(rpc, number, min(number + BLOCKS_AT_ONCE, last + 1) - 1)
        followed = consensus.follow(raws, trust, signers, parent)
        for block in followed:
            assert block.signers is not None
            if block.signers.addresses != signers.addresses:
                named = tuple(to_checksum_address(address) for address in block.signers.addresses)
                ranges.append((block.header.number + 1, named))
            signers = block.signers
        parent, number = followed[-1].header.block_hash, number + len(followed)
    return replace(deployment, validators=tuple(ranges))


def check_chain(rpc: Rpc, deployment: Deployment, trust: ChainTrust | None = None, block: int | None = None) -> None:
    """A node serves the deployment's chain and code, proven; those that serve another are asked last.

    `trust` and `block`, a final one, are what is known now; those of the deployment if not given. Raises `Conflict`
    (code `wrong_chain`) if all nodes that answer serve another chain, `Unavailable` if none answers.
    """
    silent: Unavailable | None = None
    wrong: Conflict | None = None
    right = 0
    for node in rpc.nodes():
        try:
            _check_node(node, deployment, trust or deployment.trust(), block)
            right += 1
        except (InvalidProof, RpcError) as error:
            wrong = Conflict(
                f"the node at {node.names[0]} is not on the deployment's chain: {error.message}",
                code="wrong_chain",
                node=node.names[0],
            )
            node.distrust(WRONG_CHAIN_SECONDS)
        except Unavailable as error:
            silent = error
    if not right and (wrong or silent) is not None:
        raise wrong or silent  # type: ignore[misc]


def _check_node(node: Rpc, deployment: Deployment, trust: ChainTrust, block: int | None) -> None:
    chain_id, genesis = read_genesis(node)
    if chain_id != deployment.chain_id:
        raise InvalidProof(f"its chain id is {chain_id}, not {deployment.chain_id}")
    if genesis.block_hash != deployment.genesis_hash:
        raise InvalidProof("its genesis block has another hash")
    reader = ChainReader(node, trust)
    last = max(contract.block for contract in deployment.contracts.values())
    number = consensus.provable_from(trust, last if block is None else max(block, last))
    reader.prove(number, [], accounts=deployment.contracts)


def _prove_code(rpc: Rpc, deployment: Deployment, timeout: float) -> None:
    """The code that stands is the code that was compiled, in a final block that holds every contract."""
    reader = ChainReader(rpc, deployment.trust())
    last = max(contract.block for contract in deployment.contracts.values())
    deadline = time.monotonic() + timeout
    while reader.final_head() < last:
        if time.monotonic() > deadline:
            raise Unavailable("the contracts' blocks are not final yet; run deploy again", code="not_final")
        time.sleep(POLL_SECONDS)
    reader.prove(consensus.provable_from(reader.trust, last), [], accounts=deployment.contracts)


def _make_plan(sender: Sender, registrar: LocalAccount) -> _Plan:
    first = sender.transaction_count(registrar.address, "pending")
    addresses = {name: _created_address(registrar.address, first + place) for place, name in enumerate(CONTRACTS)}
    arguments: dict[str, tuple[str, ...]] = dict.fromkeys(CONTRACTS, (addresses[ORGANISATIONS],))
    arguments[ORGANISATIONS] = (registrar.address,)
    arguments[RECORD_STATUS] = (addresses[ORGANISATIONS], addresses[RECORD_LOG])
    transactions = {}
    for place, name in enumerate(CONTRACTS):
        data = encode_constructor(name, *arguments[name])
        gas = sender.preflight(registrar.address, None, data)
        transactions[name] = sender.sign(registrar, first + place, None, data, gas)
    return _Plan(registrar.address, addresses, transactions)


def _created_address(creator: str, nonce: int) -> str:
    """Where a creating transaction puts its contract: the last 20 bytes of keccak256(RLP [creator, nonce])."""
    return str(to_checksum_address(keccak256(rlp.encode([_raw(creator), rlp.integer_bytes(nonce)]))[12:]))


def _immutables(addresses: Mapping[str, str], chain_id: int) -> dict[str, int]:
    return {
        "_chainId": chain_id,
        "organisations": int(addresses[ORGANISATIONS], 16),
        "recordLog": int(addresses[RECORD_LOG], 16),
    }


def _store_plan(state: Path, plan: _Plan, chain_id: int, genesis_hash: bytes) -> None:
    content = {
        "chainId": chain_id,
        "genesisHash": genesis_hash.hex(),
        "registrar": plan.registrar,
        "addresses": plan.addresses,
        "transactions": {
            name: {"raw": signed.raw.hex(), "hash": signed.hash.hex()} for name, signed in plan.transactions.items()
        },
    }
    write_new(state, orjson.dumps(content), code="deployment_running")


def _load_plan(state: Path, chain_id: int, genesis_hash: bytes, registrar: str) -> _Plan | None:
    """The plan of an interrupted run, if there was one."""
    if not state.is_file():
        return None
    try:
        content = orjson.loads(state.read_bytes())
        meant = (content["chainId"], bytes.fromhex(content["genesisHash"]), content["registrar"])
        plan = _Plan(
            registrar=registrar,
            addresses={name: content["addresses"][name] for name in CONTRACTS},
            transactions={
                name: SignedTransaction(bytes.fromhex(one["raw"]), bytes.fromhex(one["hash"]))
                for name, one in ((name, content["transactions"][name]) for name in CONTRACTS)
            },
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Corrupt("the state of an interrupted deployment cannot be read", file=str(state)) from error
    if meant != (chain_id, genesis_hash, registrar):
        raise Conflict(
            "an interrupted deployment belongs to another chain or registrar; delete its file to start again",
            code="wrong_chain",
            file=str(state),
        )
    return plan


def _unheard(_name: str, _done: int, _total: int) -> None:
    """The progress nobody watches."""


def _raw(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))


def _to_json(deployment: Deployment) -> dict[str, Any]:
    return {
        "version": deployment.version,
        "chainId": deployment.chain_id,
        "genesisHash": "0x" + deployment.genesis_hash.hex(),
        "consensus": deployment.consensus,
        "validators": [
            {"fromBlock": first, "addresses": list(addresses)} for first, addresses in deployment.validators
        ],
        "contracts": {
            name: {"address": one.address, "codeHash": "0x" + one.code_hash.hex(), "block": one.block}
            for name, one in deployment.contracts.items()
        },
        "registrar": deployment.registrar,
        "headers": [{"fromBlock": first, "fields": fields} for first, fields in deployment.headers],
    }


def _from_json(value: Any) -> Deployment:
    return Deployment(
        version=str(value["version"]),
        chain_id=int(value["chainId"]),
        genesis_hash=_raw(value["genesisHash"]),
        consensus=str(value["consensus"]),
        validators=tuple(
            (int(part["fromBlock"]), tuple(to_checksum_address(address) for address in part["addresses"]))
            for part in value["validators"]
        ),
        contracts={
            name: DeployedContract(to_checksum_address(one["address"]), _raw(one["codeHash"]), int(one["block"]))
            for name, one in value["contracts"].items()
        },
        registrar=to_checksum_address(value["registrar"]),
        headers=tuple((int(part["fromBlock"]), int(part["fields"])) for part in value.get("headers", ())),
    )
