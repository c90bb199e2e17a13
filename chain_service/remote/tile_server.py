"""A log served over HTTP as C2SP tlog-tiles. Nothing it says is believed."""

from __future__ import annotations

from types import TracebackType

import urllib3

from chain_service.errors import BadRequest, NotFound, Unavailable


class LogSource:
    """The files below a log's URL: `checkpoint`, `tile/…`. A context manager."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        """`timeout` in seconds. Raises `BadRequest` (code `usage`) for what is no HTTP URL."""
        parsed = urllib3.util.parse_url(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise BadRequest("a log's URL begins with http:// or https://", code="usage", field="URL")
        self.url = url.rstrip("/")
        self._pool = urllib3.PoolManager(
            retries=urllib3.Retry(3, redirect=False, backoff_factor=0.2, raise_on_status=False),
            timeout=urllib3.Timeout(connect=min(timeout, 5.0), read=timeout),
            headers={"User-Agent": "chain-service"},
        )

    def get(self, path: str, limit: int) -> bytes:
        """The file's bytes. Raises `NotFound` (code `tile_unknown`), `Unavailable` (code `log_unavailable`)."""
        try:
            response = self._pool.request("GET", f"{self.url}/{path}", preload_content=False, redirect=False)
            try:
                content = response.read(limit + 1)
            finally:
                response.release_conn() if response.status == 200 else response.close()
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{path} cannot be read: {type(error).__name__}", code="log_unavailable") from None
        if response.status == 404:
            raise NotFound(f"the log's server has no {path}", code="tile_unknown", path=path)
        if response.status != 200:
            raise Unavailable(f"{path} was answered with status {response.status}", code="log_unavailable")
        if len(content) > limit:
            raise Unavailable(f"{path} has more than {limit} bytes", code="log_unavailable")
        return content

    def __enter__(self) -> LogSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.clear()
