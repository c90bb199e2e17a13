"""What a JSON-RPC caller is told when a request fails."""

from __future__ import annotations

from chain_service.errors import BadRequest

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
RESPONSE_TOO_LARGE = -32003
REVERTED = 3


class JsonRpcError(BadRequest):
    """A JSON-RPC error object; numbers and wording are go-ethereum's, which clients already understand."""

    default_code = "rpc_error"

    def __init__(self, message: str, *, number: int = SERVER_ERROR, data: str | None = None) -> None:
        super().__init__(message)
        self.number = number
        self.data = data

    def as_object(self) -> dict[str, object]:
        """The `error` member of the response."""
        body: dict[str, object] = {"code": self.number, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


def invalid_argument(position: int, why: str) -> JsonRpcError:
    """The error for an argument that cannot be read; `position` counts from 0."""
    return JsonRpcError(f"invalid argument {position}: {why}", number=INVALID_PARAMS)
