"""The engines that are compared: each has `load`, `replace`, `report`, `find`, `find_many` and `all_rows`."""

from __future__ import annotations

from importlib import import_module

# The name in the output, its module and its settings. A module is imported where it is used: the process of
# an engine holds that one only.
ENGINES = {
    "tillroll": ("till", {}),
    "duckdb": ("duck", {"key": False}),
    "duckdb-key": ("duck", {"key": True}),
    "polars": ("frames", {}),
    "sqlite": ("lite", {}),
}


def engine(name: str, folder: object, **options: object) -> object:
    """An engine by name, over a folder of its own."""
    module, settings = ENGINES[name]
    return import_module(f"engines.{module}").Engine(folder, **settings, **options)
