"""YAML that a person writes, read strictly: every mistake names the file, the key and the remedy."""

import difflib
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from sandbox.errors import Mistake


class Form(BaseModel):
    """Base of what a person writes: unknown keys are errors, values are never converted in silence."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for key in value:
                if key not in cls.model_fields:
                    context = {"key": str(key), "choices": list(cls.model_fields)}
                    raise PydanticCustomError("unknown_key", "unknown key", context)
        return value


AnyForm = TypeVar("AnyForm", bound=Form)

#: The validator's error types in the words of a config.
_PROBLEMS: Final = {
    "bool_type": "is not true or false",
    "dict_type": "is not a mapping",
    "float_type": "is not a number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "int_from_float": "is not a whole number",
    "int_type": "is not a whole number",
    "less_than_equal": "must be at most {le:g}",
    "list_type": "is not a list",
    "model_type": "is not a mapping",
    "string_pattern_mismatch": "does not match {pattern}",
    "string_type": "is not text",
    "too_short": "must not be empty",
}


def parse(form: type[AnyForm], document: Any, *, where: str) -> AnyForm:
    """``document`` as ``form``.

    Raises:
        Mistake: the first thing that is wrong, with its dotted key and the choices there are.
    """
    try:
        return form.model_validate(document)
    except ValidationError as error:
        # Without context or input in the text: the original chain would only repeat it.
        raise _mistake(error.errors(include_url=False)[0], where) from None


def choose(given: str, choices: Iterable[str]) -> str:
    """A remedy that lists ``choices``, with the one that was probably meant first."""
    known = sorted(choices)
    close = difflib.get_close_matches(given, known, n=1)
    listed = "choices: " + ", ".join(known) if known else "there is none"
    return f"did you mean {close[0]!r}? {listed}" if close else listed


def read_yaml(path: Path) -> Any:
    """The document in a YAML file.

    Raises:
        Mistake: it cannot be read, does not parse, or repeats a key; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise Mistake(problem, where=str(path), remedy="name a readable YAML file") from error
    except UnicodeDecodeError as error:
        raise Mistake("is not UTF-8", where=str(path), remedy="save it as UTF-8 text") from error
    return parse_yaml(text, where=str(path))


def parse_yaml(text: str, *, where: str) -> Any:
    """The document that ``text`` spells.

    Raises:
        Mistake: it does not parse or repeats a key; names the line.
    """
    try:
        # The loader is a SafeLoader: it makes plain values only.
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}" if mark else where
        problem = error.problem or "does not parse"
        raise Mistake(problem, where=place, remedy="correct the YAML at that line") from error
    except (yaml.YAMLError, ValueError) as error:
        raise Mistake(f"is not YAML: {error}", where=where, remedy="save it as plain YAML text") from error


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, which YAML itself would resolve in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


def _mistake(error: ErrorDetails, where: str) -> Mistake:
    location = [str(part) for part in error["loc"] if not str(part).startswith("form:")]
    context = error.get("ctx", {})
    kind, given = error["type"], error.get("input")
    if kind == "unknown_key":
        key = ".".join([*location, context["key"]])
        return Mistake("unknown key", where=where, key=key, remedy=choose(context["key"], context["choices"]))
    key = ".".join(location)
    if kind == "missing":
        return Mistake("is missing", where=where, key=key, remedy="add it")
    if kind == "literal_error":
        choices = [choice.strip(" '") for choice in str(context["expected"]).replace(" or ", ", ").split(",")]
        return Mistake(f"{given!r} is unknown", where=where, key=key, remedy=choose(str(given), choices))
    if kind == "value_error":
        return Mistake(str(context["error"]), where=where, key=key)
    problem = _PROBLEMS[kind].format(**context) if kind in _PROBLEMS else error["msg"]
    return Mistake(problem, where=where, key=key, remedy=f"it says {_short(given)}")


def _short(value: Any, length: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= length else text[: length - 1] + "…"
