"""Where log lines go: standard error, as JSON for servers; commands stay silent unless something is wrong."""

from __future__ import annotations

import logging
import sys

import structlog

from chain_service.cli.log_rate import LogRate
from chain_service.errors import frames


def _frames_only(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Tracebacks without the exceptions' messages, which may quote data."""
    exc_info = event.pop("exc_info", None)
    error = (
        exc_info[1]
        if isinstance(exc_info, tuple)
        else exc_info
        if isinstance(exc_info, BaseException)
        else sys.exc_info()[1]
    )
    if exc_info and error is not None:
        event["error"] = type(error).__name__
        event["frames"] = frames(error)
    return event


def configure_logs(*, serving: bool, rate: int | None = None) -> None:
    """From now on log lines are JSON on standard error: from `info` when serving, else from `error`.

    With `rate` so many of one kind a second.
    """
    level = logging.INFO if serving else logging.ERROR
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _frames_only,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    if rate is not None:
        handler.addFilter(LogRate(rate))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in ("urllib3", "web3", "alembic", "sqlalchemy", "asyncio"):
        logging.getLogger(library).setLevel(max(level, logging.WARNING))
