"""What a driver's refusal means: the cause by name, so that log, answer and alert say the same.

PostgreSQL tells causes by SQLSTATE (its appendix A), SQLite by its result code; a login that PostgreSQL refuses
reaches us as libpq's text alone.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from chain_service.errors import BadRequest, ChainServiceError, Conflict, Corrupt, Unavailable

DATABASE_CAUSES = {
    "database_unavailable": "the database is unavailable",
    "database_refused": "the database refused the login",
    "database_standby": "the database is a standby, which cannot be written",
    "database_read_only": "the database can only be read",
    "database_locked": "another program holds a lock of the database",
    "database_busy": "all connections to the database are in use",
    "database_slow": "the database took too long for a statement",
    "disk_full": "there is no space left on the disk",
}
"""Why the database cannot be used, by code."""

_SQLSTATES = {
    "25006": "database_read_only",
    "28000": "database_refused",
    "28P01": "database_refused",
    "40001": "database_locked",
    "40P01": "database_locked",
    "53100": "disk_full",
    "53300": "database_busy",
    "55P03": "database_locked",
    "57014": "database_slow",
}
_SQLITE = {
    sqlite3.SQLITE_BUSY: "database_locked",
    sqlite3.SQLITE_LOCKED: "database_locked",
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_READONLY: "database_read_only",
}
_LOGIN_REFUSED = re.compile(
    r"authentication failed|no pg_hba\.conf entry|role .* does not exist|not permitted to log in|no password supplied"
)
_NAMES = re.compile(r"""(?:\s+at)?\s*"[^"]*"(?:\s+\([0-9a-fA-F.:%\w]+\))?(?:,\s+port\s+\d+)?""")
"""As libpq quotes them: `connection to server at "db.example" (10.1.2.3), port 5432 failed`."""
_TOO_MANY = re.compile(r"too many (clients|connections)|remaining connection slots|no more connections allowed")


def outage(code: str, detail: object = None) -> Unavailable:
    """The error of this cause, with what the driver said, less the names in it: anybody may be told this, and nobody
    but the operator, whose `database_url` has them, is to learn server, user or database.
    """
    said = "" if detail is None else ": " + " ".join(_NAMES.sub("", str(detail)).split())[:300]
    return Unavailable(DATABASE_CAUSES[code] + said, code=code)


@contextmanager
def translated() -> Iterator[None]:
    """Driver errors leave as ours; none carries a row's values (PostgreSQL quotes the key that clashes)."""
    try:
        yield
    except ChainServiceError:
        raise
    except exc.IntegrityError as error:
        name = _constraint(error)
        raise Conflict(f"the change breaks the rule {name}", code="constraint", constraint=name) from None
    except (exc.DataError, OverflowError, UnicodeEncodeError) as error:
        raise BadRequest("a value is too long, too large or has characters that cannot be stored") from error
    except exc.TimeoutError as error:
        raise outage("database_busy") from error
    except _driver_errors() as error:
        raise _named(error) from error


def _driver_errors() -> tuple[type[Exception], ...]:
    """As SQLAlchemy wraps them, and bare where it does not; psycopg is loaded only where it is used."""
    psycopg = sys.modules.get("psycopg")
    return (exc.DBAPIError, sqlite3.Error, *(() if psycopg is None else (psycopg.Error,)))


def _named(error: Exception) -> Exception:
    """The cause that the driver names; the error itself where it is one of programming."""
    driver = error.orig if isinstance(error, exc.DBAPIError) else error
    if code := _cause(driver):
        return outage(code, driver)
    if type(driver).__name__ == "OperationalError" or isinstance(error, exc.OperationalError | exc.InterfaceError):
        return outage("database_unavailable", driver)
    if isinstance(error, exc.ProgrammingError | exc.NotSupportedError):
        return error
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return outage("database_unavailable", "it closed the connection")
    return Corrupt(f"the database is damaged: {driver}", code="database_damaged")


def _cause(driver: BaseException | None) -> str | None:
    if isinstance(driver, sqlite3.Error):
        code = getattr(driver, "sqlite_errorcode", None)
        return None if code is None else _SQLITE.get(code & 0xFF)
    state = getattr(driver, "sqlstate", None)
    if state is not None:
        return _SQLSTATES.get(state)
    if _LOGIN_REFUSED.search(str(driver)):
        return "database_refused"
    return "database_busy" if _TOO_MANY.search(str(driver)) else None


def _constraint(error: exc.IntegrityError) -> str:
    """The constraint's name on PostgreSQL; on SQLite its columns or expression, as the driver says no more."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name or diagnosis.column_name)
    return str(error.orig).partition(": ")[2] or str(error.orig)
