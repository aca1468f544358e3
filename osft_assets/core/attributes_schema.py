"""The form of a pipeline's YAML file as JSON schema, for editors and `dg check yaml`.

Made from the recipes, whose types and ranges it repeats; what only their validators can tell is
found when the file is loaded. Only tools ask for it: loading costs nothing.

Pydantic's own schema is reshaped so that an error has the place of the wrong value: of anyOf, tools
say "not valid under any of the given schemas", at the section. A template is a value of any type,
since nobody has evaluated it yet. There are no references: pydantic accepts only its own.
"""

from typing import Any

from osft_assets.core.recipes.base import Recipe
from osft_assets.core.recipes.pipeline import PipelineRecipe, pod_recipe, training_recipe

Schema = dict[str, Any]

_NOT_IN_A_FILE = {"defined_in"}
_TEMPLATE: Schema = {"type": "string", "pattern": r"\{\{|\{%"}
# YAML reads `cpu: 8` as a number, and the recipes take it for text.
_TEXT = ["string", "number"]
_KEPT = {"description", "default", "enum", "const", "minLength", "maxLength"} | {
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
}


def known_attributes() -> tuple[str, ...]:
    """The keys below `attributes`."""
    return tuple(name for name in PipelineRecipe.model_fields if name not in _NOT_IN_A_FILE)


def section_recipes(algorithm: str) -> dict[str, type[Recipe]]:
    """The keys below `attributes` that have settings of their own, and the class of each."""
    of_each = {"train": training_recipe(algorithm), "pod": pod_recipe(algorithm)}
    others = {
        name: field.annotation
        for name, field in PipelineRecipe.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Recipe)
    }
    return {**others, **of_each}


def attributes_schema() -> Schema:
    """What may stand below `attributes`."""
    recipes = {name: section_recipes(name) for name in ("osft", "sft")}
    own = {section for section, kind in recipes["osft"].items() if kind != recipes["sft"][section]}
    whole = PipelineRecipe.model_json_schema()["properties"]
    properties = {
        name: _section(recipes["osft"][name])
        if name in recipes["osft"]
        else _or_template(_reshaped(whole[name]))
        for name in known_attributes()
    }
    of_one = {name: {"description": f"As `algorithm` has them: {name}."} for name in own}
    return {
        "title": "FineTunePipeline",
        "description": "A pipeline that keeps a language model current.",
        "type": "object",
        "properties": properties | of_one,
        "required": ["name"],
        "additionalProperties": False,
        "allOf": [
            _when(algorithm, {section: _section(kinds[section]) for section in sorted(own)})
            for algorithm, kinds in recipes.items()
        ],
    }


def _when(algorithm: str, properties: Schema) -> Schema:
    is_default = algorithm == PipelineRecipe.model_fields["algorithm"].default
    asked = {"properties": {"algorithm": {"const": algorithm}}}
    return {
        "if": asked if is_default else {**asked, "required": ["algorithm"]},
        "then": {"properties": properties},
    }


def _settings(recipe: type[Recipe]) -> Schema:
    found = recipe.model_json_schema()
    settings = {name: _or_template(_reshaped(one)) for name, one in found["properties"].items()}
    return {
        "type": "object",
        "description": found["description"],
        "properties": settings,
        "additionalProperties": False,
    }


def _section(recipe: type[Recipe]) -> Schema:
    """Its settings, a plain value in their place, a template, or nothing."""
    plain: Schema = {"type": "object"}
    if short := recipe.shorthand:
        whole = recipe.model_json_schema()["properties"]
        plain = {"const": short.word} if short.word else _reshaped(whole[short.setting])
    nothing_yet = {"anyOf": [{"type": "null"}, _TEMPLATE]}
    return {
        "description": recipe.__doc__ or "",
        "if": {"type": "object"},
        "then": _settings(recipe),
        "else": {"if": nothing_yet, "else": plain},
    }


def _or_template(schema: Schema) -> Schema:
    if schema.get("type") == _TEXT:
        return schema
    told: Schema = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    return {**told, "if": _TEMPLATE, "else": schema}


def _reshaped(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key in _KEPT}
    if options := schema.get("anyOf"):
        return kept | _choice([_reshaped(option) for option in options])
    kind = schema.get("type")
    free_text = kind == "string" and not kept.keys() & {"enum", "const"}
    shape = kept | ({"type": _TEXT if free_text else kind} if kind else {})
    if "items" in schema:
        shape["items"] = _or_template(_reshaped(schema["items"]))
    inner = schema.get("additionalProperties")
    if isinstance(inner, dict):
        shape["additionalProperties"] = _or_template(_reshaped(inner))
    return shape


def _choice(options: list[Schema]) -> Schema:
    """By the type of what is found, so that the one option that was meant says what is wrong."""
    types = [option["type"] for option in options]
    flat = [one for kind in types for one in (kind if isinstance(kind, list) else [kind])]
    whens = [
        {"if": {"type": option["type"]}, "then": option}
        for option in options
        if option != {"type": "null"}
    ]
    return {"type": list(dict.fromkeys(flat)), "allOf": whens}
