"""The configuration as JSON Schema (draft 2020-12), made from the settings themselves."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import textwrap
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pitstop import bootstrap, config

FILE = "pitstop.schema.json"  # beside pitstop.toml, where `#:schema ./pitstop.schema.json` finds it
LINE = f"#:schema ./{FILE}"
_TITLE = "pitstop.toml"


def text() -> str:
    """Return the schema as it is printed and kept."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the schema of the whole file, the keys of each platform included."""
    found = config.Settings.model_json_schema(schema_generator=_Generator)
    shared = found.pop("$defs")
    for table, providers in bootstrap.providers().items():
        common = shared.pop(found["properties"][table]["$ref"].rpartition("/")[2])
        kinds = []
        for use, provider in providers.items():
            one = provider.model_json_schema(schema_generator=_Generator)
            shared |= one.pop("$defs", {})
            kinds.append(_kind(use, one, common["properties"]["use"]))
        found["properties"][table] = {"oneOf": kinds}
    return {"$schema": _Generator.schema_dialect, **found, "title": _TITLE, "$defs": shared}


def _kind(use: str, one: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Return what a table may hold where ``use`` says which kind it is."""
    here = {name: value for name, value in said.items() if name != "enum"} | {"const": use}
    return one | {
        "properties": {"use": here, **one.get("properties", {})},
        "required": ["use", *one.get("required", [])],
    }


class _Generator(GenerateJsonSchema):
    """What can stand in TOML, in the words that stand below the keys."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out: in TOML there is none."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave titles out: they would only say the key again."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Add what the source says of each key."""
        made = super().model_schema(schema)
        made.pop("title", None)
        for name, said in descriptions(schema["cls"]).items():
            made.get("properties", {}).get(name, {})["description"] = said
        return made

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Take for text what is kept as text, whatever it becomes when it is read."""
        kept: dict[str, Any] = dict(schema.get("serialization") or {})
        if (
            kept.get("type") == "function-plain"
            and (kept.get("return_schema") or {}).get("type") == "str"
        ):
            return {"type": "string"}
        return super().function_before_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Write a duration as it is typed; leave out what only means *not given*."""
        made = super().default_schema(schema)
        default = schema.get("default")
        if isinstance(default, timedelta):
            made["default"] = config.written(default)
        elif default is None or isinstance(default, BaseModel | dict):
            made.pop("default", None)
        return made


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the text that stands below each key of a table, those of its bases included.

    Read only when somebody asks for it: doing so at each start would cost every command its time.
    """
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(
            base, config.Part | config.Backup | config.Platform | config.Plugin | config.Telemetry
        ):
            found |= _own_descriptions(base)
    return found


def _own_descriptions(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except (OSError, TypeError):  # installed without its source
        return {}
    body = ast.parse(source).body[0]
    rows = body.body if isinstance(body, ast.ClassDef) else []
    found = {}
    fields = model.model_fields
    for row, below in itertools.pairwise(rows):
        if not (isinstance(row, ast.AnnAssign) and isinstance(row.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            name = row.target.id
            key = (fields[name].alias if name in fields else None) or name
            found[key] = inspect.cleandoc(str(below.value.value))
    return found
