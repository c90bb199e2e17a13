"""A caller of the HTTP API, as a department's or a counter's own program would be."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import requests

from demonstration.story import Failed

WAIT_SECONDS = 120


class Client:
    """One caller with one key, or none."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON. Raises Failed for any error."""
        return _good(self._session.get(self.url + path, params=query, timeout=60)).json()

    def post(self, path: str, value: Any) -> Any:
        """The answer's JSON. Raises Failed for any error."""
        return _good(self._session.post(self.url + path, json=value, timeout=60)).json()

    def refusal(self, path: str, lines: Iterable[Any]) -> tuple[int, dict[str, Any]]:
        """Status and problem of a submission that should be refused."""
        answer = self._send_lines(path, lines)
        return answer.status_code, answer.json() if "json" in answer.headers.get("Content-Type", "") else {}

    def post_lines(self, path: str, lines: Iterable[Any]) -> list[dict[str, Any]]:
        """NDJSON in, NDJSON out. Raises Failed for any error."""
        answer = _good(self._send_lines(path, lines))
        return [json.loads(line) for line in answer.content.splitlines()]

    def content(self, path: str) -> bytes:
        """The answer's bytes. Raises Failed for any error."""
        return _good(self._session.get(self.url + path, timeout=60)).content

    def page(self) -> str:
        """The first page."""
        return _good(self._session.get(self.url + "/", timeout=60)).text

    def verify_file(self, name: str, content: bytes) -> dict[str, Any]:
        """The verdict on a file."""
        return self.verify_papers([(name, content)])

    def verify_papers(self, papers: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
        """The verdict on papers that are dropped together, each by its name: what they are is told by their bytes."""
        answer = self._session.post(f"{self.url}/v1/verify", files=[("file", paper) for paper in papers], timeout=60)
        verdict: dict[str, Any] = _good(answer).json()
        return verdict

    def _send_lines(self, path: str, lines: Iterable[Any]) -> requests.Response:
        body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        headers = {"Content-Type": "application/x-ndjson"}
        return self._session.post(self.url + path, data=body.encode(), headers=headers, timeout=120)


def wait_for(done: Callable[[], bool], what: str) -> None:
    """`done()` holds. Raises Failed when it takes too long."""
    end = time.monotonic() + WAIT_SECONDS
    while not done():
        if time.monotonic() > end:
            raise Failed(f"still waiting after {WAIT_SECONDS} s: {what}")
        time.sleep(0.1)


def _good(answer: requests.Response) -> requests.Response:
    if not answer.ok:
        raise Failed(f"{answer.request.method} {answer.url} answered {answer.status_code}: {answer.text[:600]}")
    return answer
