#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""schema.py DIRECTORY: checks the schemas in DIRECTORY themselves, nothing else.
schema.py DIRECTORY NAME DOCUMENT...: checks documents against DIRECTORY/NAME.schema.json, and that the schema
refuses each of them when a member is taken away that it requires, or one is added that it does not know.

Exit 1 names the place that does not fit."""
import copy
import glob
import json
import os
import sys
import urllib.parse

from jsonschema import Draft202012Validator, RefResolver

# Else urljoin drops the URN before a fragment, and "#/$defs/..." of a schema that is referred to is looked for elsewhere.
urllib.parse.uses_relative.append("urn")


def load(path):
    with open(path) as file:
        return json.load(file)


def check_schemas(schemas):
    if not schemas:
        sys.exit("no schemas there")
    for path, schema in schemas.items():
        Draft202012Validator.check_schema(schema)
        name = os.path.basename(path).removesuffix(".schema.json")
        if schema.get("$id") != f"urn:coldpatch:{name}":
            sys.exit(f"{path}: $id is {schema.get('$id')}")


def mutants(document):
    """Every object of the document, once with a member more, and once without each of its members."""
    def places(value):
        if isinstance(value, dict):
            yield value
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            yield from places(item)
    count = sum(1 for _ in places(document))
    for i in range(min(count, 50)):
        changed = copy.deepcopy(document)
        list(places(changed))[i]["unheard-of"] = "x"
        yield f"object {i} with one member more", changed
    for name in document:
        changed = copy.deepcopy(document)
        del changed[name]
        yield f"no {name}", changed


def check(validator, path, optional):
    document = load(path)
    for error in validator.iter_errors(document):
        sys.exit(f"{path}: /{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
    for what, mutant in mutants(document):
        if validator.is_valid(mutant) and what not in optional:
            sys.exit(f"{path}: the schema takes it also with {what}")


def main():
    directory, *rest = sys.argv[1:]
    schemas = {path: load(path) for path in glob.glob(f"{directory}/*.schema.json")}
    check_schemas(schemas)
    if not rest:
        return
    schema = schemas[f"{directory}/{rest[0]}.schema.json"]
    resolver = RefResolver.from_schema(schema, store={other["$id"]: other for other in schemas.values()})
    validator = Draft202012Validator(schema, resolver=resolver)
    for path in rest[1:]:
        check(validator, path, {"error": {"no msg"}}.get(rest[0], set()))


main()
