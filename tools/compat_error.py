"""What an exception says that ended a script or a test of TileLang's, for the tools that run them."""

from pathlib import Path
import re
import traceback


def describe(error):
    """{"error": its type, "text", "code": of a diagnostic of tilec or "", "where": "file:line"}."""
    import tilec
    found = {"error": type(error).__name__, "text": " ".join(str(error).split())[:400]}
    found["code"] = getattr(error, "code", "") if isinstance(error, Exception) else ""
    coded = re.search(r"error\[(E\d+)\]: (.*)", str(error))
    if coded:  # of compatibility mode, or of the last configuration that tuning tried
        found["code"], found["text"] = coded.groups()
    errors = [d for d in tilec.diagnostics(error) if d.severity == "error"]
    if errors:
        found["code"], found["text"] = errors[0].code, errors[0].message
    frames = traceback.extract_tb(error.__traceback__)
    found["where"] = "%s:%d" % (frames[-1].filename, frames[-1].lineno) if frames else ""
    found["owner"] = _owner(error)
    return found


def _owner(error):
    """Whose attribute was asked for, as "module.Class", or the module that lacks a name; "" for other
    exceptions."""
    if isinstance(error, ImportError):
        return error.name or ""
    value = getattr(error, "obj", None) if isinstance(error, AttributeError) else None
    if value is None:
        return ""
    if isinstance(value, type(re)):
        return value.__name__
    if hasattr(value, "__code__"):  # which has none of its own: TileLang keeps another object there
        return "tilec.function"
    return "%s.%s" % (type(value).__module__, type(value).__name__)


def line_in(error, path):
    """The last line of a file that an exception came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == Path(path)]
    return (frames[-1].line or "").strip() if frames else ""
