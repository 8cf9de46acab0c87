#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""json-schema.py SCHEMA DOCUMENT...: checks documents against a JSON Schema (draft 2020-12).

Only the keywords that our schemas use are known; any other one is an error, so that nothing is believed checked
that is not.  Exit 1 names the first place that does not fit."""
import json
import re
import sys

ANNOTATIONS = {"$schema", "$id", "title", "description"}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}


def fail(where, why):
    sys.exit(f"{where or '/'}: {why}")


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == "integer" and isinstance(value, bool))


def check_object(schema, value, where):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            fail(where, f"lacks {name}")
    for name, item in value.items():
        if name in properties:
            check(properties[name], item, f"{where}/{name}")
        elif schema.get("additionalProperties") is False:
            fail(where, f"has {name}, which the schema does not know")


def check(schema, value, where):
    known = ANNOTATIONS | {"type", "enum", "minimum", "pattern", "items", "properties", "required", "additionalProperties"}
    if set(schema) - known:
        fail(where, f"schema keywords not known here: {sorted(set(schema) - known)}")
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, name) for name in types):
        fail(where, f"{value!r} is not {' or '.join(types)}")
    if "enum" in schema and value not in schema["enum"]:
        fail(where, f"{value!r} is none of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"]:
        fail(where, f"{value} is below {schema['minimum']}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        fail(where, f"{value!r} does not match {schema['pattern']}")
    if isinstance(value, dict):
        check_object(schema, value, where)
    if isinstance(value, list):
        for i, item in enumerate(value):
            check(schema.get("items", {}), item, f"{where}/{i}")


with open(sys.argv[1]) as file:
    SCHEMA = json.load(file)
for path in sys.argv[2:]:
    with open(path) as file:
        check(SCHEMA, json.load(file), "")
