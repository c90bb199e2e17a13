"""A door to nodes at one address, behind which tests put what they like: a node, an answer, a lie, nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import urllib3

from support.chains.lying_node import Answer, http_server
from support.chains.server_certificates import ServerCertificate


def forwarded(url: str, alter: Callable[[str, Any], Any] | None = None) -> Answer:
    """The answers of the node at this URL, each result passed through `alter(method, result)`."""
    pool = urllib3.PoolManager()

    def answer(body: bytes) -> tuple[int, bytes]:
        response = pool.request("POST", url, body=body, headers={"Content-Type": "application/json"})
        if alter is None:
            return response.status, response.data
        asked, told = orjson.loads(body), orjson.loads(response.data)
        requests, answers = (asked, told) if isinstance(asked, list) else ([asked], [told])
        methods = {request["id"]: request["method"] for request in requests}
        for one in answers:
            if "result" in one:
                one["result"] = alter(methods[one["id"]], one["result"])
        return response.status, orjson.dumps(told)

    return answer


class Gate:
    """Answers at one port as `answer` says, which may be replaced at any moment."""

    def __init__(self, port: int, answer: Answer) -> None:
        self.port = port
        self.answer = answer

    @contextmanager
    def open(self, tls: ServerCertificate | None = None) -> Iterator[str]:
        """It listens meanwhile; connections that were opened before end with it."""
        opened = True

        def answer(body: bytes) -> tuple[int, bytes]:
            if not opened:
                raise ConnectionAbortedError
            return self.answer(body)

        with http_server(answer, tls=tls, port=self.port) as url:
            yield url
            opened = False

    @contextmanager
    def giving(self, answer: Answer) -> Iterator[None]:
        """It gives this answer meanwhile."""
        before, self.answer = self.answer, answer
        try:
            yield
        finally:
            self.answer = before
