"""schema.py SCHEMA good|bad FILE... -- tell the files on which the schema disagrees."""
import json
import re
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """Scalars as editors type them, by YAML 1.2's core schema: no is text, 010 is ten."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", ["~", "n", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+0123456789."),
    ("merge", r"<<", "<"),
):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(f"^({pattern})$"), first)
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))

with open(sys.argv[1], encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
status = 0
for path in sys.argv[3:]:
    with open(path, encoding="utf-8") as f:
        error = jsonschema.exceptions.best_match(validator.iter_errors(yaml.load(f, Loader)))
    if (error is None) != (sys.argv[2] == "good"):
        print(path, "is refused: " + error.message if error else "is taken")
        status = 1
sys.exit(status)
