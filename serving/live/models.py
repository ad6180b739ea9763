"""The models tagged `live`: compiled by dbt for a target that nothing is built in.

A model's `meta` says what is special about it, under `live`:

- `seam`: a date column of a mart: its rows of days that were over when the last generation was made
  are the published ones, its rows of later days are made anew.
- `key`: a column that names a row. Of a mart, what is hot is added to what is published.
- `first`: of rows of the same key, the first in the order of these columns counts; `happened` is
  the time that they agree on.
- `whole_days`: the column of a raw table with the moment that its rows tell of, where marts with a
  seam follow from them: they are read from the beginning of a day on.
- `published_in`: the mart that tells which raw rows of these are published.
- `kept`: whether a model is kept as a table, made anew after each load; others are views.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilake.errors import MobilakeError
from mobilake.settings import Settings
from mobilake.transform import dbt_compile
from quality.gate import MARTS_SCHEMA

TARGET, TAG = "live", "live"
_RAW = re.compile(r"delta_scan\('[^']*/raw/(\w+)'\)")


@dataclass(frozen=True)
class Model:
    """A model as the live database has it.

    Attributes:
        relation: where it stands: catalogue, schema and name, quoted.
        sql: what it is, reading raw tables from the schema `raw`.
        raws: the raw tables that it reads itself; it then holds what came of them.
        fed_by: the raw tables that it rests on, through whatever models.
        live: what its `meta` says.
    """

    name: str
    relation: str
    schema: str
    sql: str
    raws: tuple[str, ...]
    fed_by: frozenset[str]
    description: str
    columns: tuple[str, ...]
    live: Mapping[str, Any]


@dataclass(frozen=True)
class Project:
    """What is offered live.

    Attributes:
        models: each after those that it reads.
        seeds: the seeds that they read: relation, file and the types of its columns.
        schemas: what has to be there before: catalogue and schema, quoted.
    """

    models: tuple[Model, ...]
    seeds: tuple[tuple[str, Path, Mapping[str, str]], ...]
    schemas: frozenset[str] = field(default_factory=frozenset)

    def hot(self) -> Iterator[Model]:
        """Yield the models that hold what came of raw rows."""
        return (model for model in self.models if model.raws)


def read_project(settings: Settings) -> Project:
    """Compile the models tagged `live`.

    Raises:
        MobilakeError: the project is broken, or a live model reads one that is neither live nor
            published.
    """
    manifest = dbt_compile(settings, TARGET, f"tag:{TAG}", settings.home / "live")
    nodes = manifest["nodes"]
    chosen = {
        name: node
        for name, node in nodes.items()
        if node["resource_type"] == "model" and TAG in node["tags"]
    }
    if not chosen:
        raise MobilakeError(f"No model is tagged {TAG!r}: there is nothing to serve.")
    read = {other for node in chosen.values() for other in node["depends_on"]["nodes"]}
    for name in sorted(read - set(chosen)):
        node = nodes.get(name, {})
        if node.get("resource_type") == "model" and node["schema"] != MARTS_SCHEMA:
            raise MobilakeError(
                f"A model tagged {TAG!r} reads {node['name']}, which is not published: tag "
                "it as well."
            )
    fed_by: dict[str, frozenset[str]] = {}
    for name in _in_order(chosen):
        above = (fed_by.get(other, frozenset()) for other in chosen[name]["depends_on"]["nodes"])
        fed_by[name] = frozenset(_RAW.findall(chosen[name]["compiled_code"])).union(*above)
    models = [_model(chosen[name], rests_on) for name, rests_on in fed_by.items()]
    seeds = [nodes[name] for name in sorted(read) if name.startswith("seed.")]
    return Project(
        tuple(models),
        tuple(
            (
                seed["relation_name"],
                settings.root / seed["original_file_path"],
                seed["config"].get("column_types") or {},
            )
            for seed in seeds
        ),
        frozenset(
            relation.rpartition(".")[0]
            for relation in (
                *(model.relation for model in models),
                *(seed["relation_name"] for seed in seeds),
            )
        ),
    )


def _model(node: Mapping[str, Any], fed_by: frozenset[str]) -> Model:
    code = str(node["compiled_code"])
    return Model(
        name=node["name"],
        relation=node["relation_name"],
        schema=node["schema"],
        sql=_RAW.sub(r"raw.\1", code),
        raws=tuple(sorted(set(_RAW.findall(code)))),
        fed_by=fed_by,
        description=node["description"],
        columns=tuple(node["columns"]),
        live=node["config"]["meta"].get("live") or {},
    )


def _in_order(chosen: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of nodes, each after those that it depends on."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name in done or name not in chosen:
            return
        done.add(name)
        for other in chosen[name]["depends_on"]["nodes"]:
            yield from visit(other)
        yield name

    for name in sorted(chosen):
        yield from visit(name)
