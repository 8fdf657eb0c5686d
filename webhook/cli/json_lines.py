"""Log lines in JSON."""

import json

from pythonjsonlogger.core import LogData
from pythonjsonlogger.msgspec import MsgspecFormatter

_NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}
_FORM = "%(asctime)s %(levelname)s %(name)s %(message)s"


class JsonLines(MsgspecFormatter):
    """Writes a record as an object on one line."""

    def __init__(self) -> None:
        super().__init__(_FORM, rename_fields=_NAMES)

    def jsonify_log_record(self, log_data: LogData) -> str:
        """Write what is logged, and names of files that are no UTF-8 as well, escaped."""
        try:
            return super().jsonify_log_record(log_data)
        except UnicodeEncodeError:
            return json.dumps(log_data, default=str)
