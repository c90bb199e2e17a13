"""What `GET /v1/records/{id}/receipt` shows of a receipt in JSON: for reading, the receipt itself is COSE."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

HEX = "^([0-9a-f]{2})*$"
HEX_0X = "^0x([0-9a-f]{2})*$"


class _Shown(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class HeaderView(_Shown):
    """A block's header as its validators sealed it."""

    bytes: int
    rlp: str = Field(pattern=HEX_0X)


class NodesView(_Shown):
    """The trie nodes that the proofs consist of, by number and size."""

    count: int
    bytes: int


class AccountView(_Shown):
    """A contract, and the storage slots of it that are proven."""

    address: str = Field(pattern=HEX_0X)
    slots: list[str]


class EvidenceView(_Shown):
    """What proves one block and what the contracts held there."""

    form: str = Field(description="form of consensus, such as `evm-clique/1`")
    chainId: int
    genesisHash: str = Field(pattern=HEX_0X)
    headers: list[HeaderView]
    nodes: NodesView
    accounts: list[AccountView]
    checkpoint: str | None = Field(description="signed note of the log's head, where one comes along")
    timeTokens: int = Field(description="how many time-stamps come along")


class ReceiptView(_Shown):
    """A receipt: inclusion in the log, the log key's signature, and the evidence of the chain."""

    chainId: int
    contract: str = Field(pattern=HEX_0X, description="address of the contract that holds the log's head")
    recordId: str
    issuedAt: str
    log: str = Field(pattern=HEX, description="the log's identifier on chain")
    organisation: str
    generation: int
    size: int = Field(description="leaves of the log under the head")
    index: int = Field(description="the record's leaf index, from 0")
    path: list[str] = Field(description="inclusion proof, hashes in hex")
    keyId: str = Field(pattern=HEX)
    signature: str = Field(pattern=HEX, description="of the log's key, over the root that the path leads to")
    evidence: list[EvidenceView] = Field(description="of the block that anchored the record, then of a newer one")
