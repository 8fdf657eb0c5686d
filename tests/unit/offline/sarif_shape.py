"""What SARIF 2.1.0 (OASIS, sections 3.13 to 3.58) asks of the parts that we write.

Assembled by hand: no package that carries the standard's own schema is maintained. It is stricter
than that: parts that we do not write are not allowed.
"""

from typing import Any


def an_object(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {name.replace("schema_", "$schema"): one for name, one in properties.items()},
        "additionalProperties": False,
    }


def a_list(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": of, **more}


TEXT = {"type": "string", "minLength": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
COUNTED = {"type": "integer", "minimum": 1}
MESSAGE = an_object("text", text=TEXT)
HELP = an_object("text", text=TEXT, markdown=TEXT)
PHYSICAL = an_object(
    artifactLocation=an_object(
        uri={"type": "string", "format": "uri-reference", "minLength": 1},
        uriBaseId={"const": "%SRCROOT%"},
    ),
    region=an_object("startLine", startLine=COUNTED, startColumn=COUNTED),
)
LOCATION = an_object(
    physicalLocation=PHYSICAL,
    logicalLocations=a_list(an_object(fullyQualifiedName=TEXT), uniqueItems=True),
)
RULE = an_object(
    "id",
    id=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=HELP,
    helpUri={"type": "string", "format": "uri", "pattern": "^https?://"},
    defaultConfiguration=an_object(level=LEVEL, enabled={"type": "boolean"}),
)
RESULT = an_object(
    "message",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations=a_list(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
)
INVOCATION = an_object(
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    toolExecutionNotifications=a_list(
        an_object("message", level=LEVEL, message=MESSAGE, locations=a_list(LOCATION))
    ),
)
RUN = an_object(
    "tool",
    tool=an_object(
        "driver",
        driver=an_object("name", name=TEXT, version=TEXT, rules=a_list(RULE, uniqueItems=True)),
    ),
    originalUriBaseIds=an_object(**{"%SRCROOT%": an_object(description=MESSAGE)}),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=a_list(RESULT),
    invocations=a_list(INVOCATION),
)
SARIF = an_object(
    "version",
    "runs",
    schema_={"type": "string", "format": "uri"},
    version={"const": "2.1.0"},
    runs=a_list(RUN),
)
