"""JSON-RPC 2.0: one request or a batch in, one answer or a batch out."""

from __future__ import annotations

import logging
from typing import Any

import orjson

from chain_service.nodes.embedded.rpc import rpc_params
from chain_service.nodes.embedded.rpc.methods import Methods
from chain_service.nodes.embedded.rpc.rpc_format import prefixed
from chain_service.nodes.embedded.rpc_error import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RESPONSE_TOO_LARGE,
    JsonRpcError,
)

_log = logging.getLogger(__name__)
MAX_BATCH = 1_000
MAX_RESPONSE = 64 * 2**20
_SEND = "eth_sendRawTransaction"


def answer(methods: Methods, request: bytes) -> bytes:
    """The response body; empty when nothing but notifications was asked."""
    try:
        parsed = orjson.loads(request)
    except orjson.JSONDecodeError:
        return _refusal(JsonRpcError("parse error", number=PARSE_ERROR))
    if not isinstance(parsed, list):
        return _one(methods, parsed) or b""
    if not parsed:
        return _refusal(JsonRpcError("empty batch", number=INVALID_REQUEST))
    if len(parsed) > MAX_BATCH:
        return _refusal(JsonRpcError(f"batch too large: at most {MAX_BATCH} requests", number=INVALID_REQUEST))
    return _batch(methods, parsed)


def _batch(methods: Methods, requests: list[Any]) -> bytes:
    """Transactions are taken in first, with one commit for all of them; the rest is answered in order."""
    sent = _send_all(methods, requests)
    responses: list[bytes] = []
    size = 0
    for position, request in enumerate(requests):
        if position in sent:
            response = _response(request, sent[position])
        elif size > MAX_RESPONSE:
            response = _response(request, JsonRpcError("response too large", number=RESPONSE_TOO_LARGE))
        else:
            response = _one(methods, request)
        if response:
            size += len(response)
            responses.append(response)
    return b"[" + b",".join(responses) + b"]" if responses else b""


def _send_all(methods: Methods, requests: list[Any]) -> dict[int, Any]:
    """Results by position of the well-formed eth_sendRawTransaction requests, when there is more than one."""
    raws: dict[int, bytes] = {}
    for position, request in enumerate(requests):
        if _well_formed(request) and request["method"] == _SEND:
            try:
                (raws[position],) = rpc_params.Signature(rpc_params.data).read(request.get("params") or [])
            except JsonRpcError:
                continue
    if len(raws) < 2:
        return {}
    try:
        results = methods.submit(list(raws.values()))
    except Exception:  # noqa: BLE001 - the caller gets an answer, the log the cause
        _log.exception("%s failed", _SEND)
        results = [_internal()] * len(raws)
    return {
        position: result if isinstance(result, JsonRpcError) else prefixed(result)
        for position, result in zip(raws, results, strict=True)
    }


def _well_formed(request: Any) -> bool:
    return (
        isinstance(request, dict)
        and request.get("jsonrpc") == "2.0"
        and isinstance(request.get("method"), str)
        and isinstance(request.get("id"), str | int | float | None)
        and isinstance(request.get("params", []), list | None)
    )


def _one(methods: Methods, request: Any) -> bytes:
    """The response to one request, empty for a notification."""
    if not _well_formed(request):
        known = request.get("id") if isinstance(request, dict) else None
        if isinstance(request, dict) and isinstance(request.get("params"), dict):
            return _response({"id": known}, JsonRpcError("non-array args", number=INVALID_PARAMS))
        return _response({"id": known}, JsonRpcError("invalid request", number=INVALID_REQUEST))
    entry = methods.table.get(request["method"])
    if entry is None:
        message = f"the method {request['method'][:100]} does not exist/is not available"
        return _response(request, JsonRpcError(message, number=METHOD_NOT_FOUND))
    signature, method = entry
    try:
        result = method(*signature.read(request.get("params") or []))
    except JsonRpcError as error:
        result = error
    except Exception:  # noqa: BLE001 - the caller gets an answer, the log the cause
        _log.exception("%s failed", request["method"])
        result = _internal()
    return _response(request, result)


def _internal() -> JsonRpcError:
    return JsonRpcError("internal error; see the node's log", number=INTERNAL_ERROR)


def _response(request: Any, result: Any) -> bytes:
    if "id" not in request:
        return b""
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
    if isinstance(result, JsonRpcError):
        body["error"] = result.as_object()
    else:
        body["result"] = result
    return orjson.dumps(body)


def _refusal(error: JsonRpcError) -> bytes:
    return _response({"id": None}, error)
