"""What a function's code can ask of AWS, read off the code itself, without running any of it.

Its builder makes the parts that its handler uses. From them and from the handler we follow names:
a function reaches what its names mean in its module, and every method of that name of any class
whose instances there may be. So what is found is never too little (but for names made at run
time), and at times a little too much.
"""

import dis
import importlib
from collections.abc import Iterator
from functools import cached_property, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from pydantic import BaseModel

from shared.storage import table
from shared.wiring import Deployment

SERVICES = {
    "shared.storage.dynamodb": "dynamodb",
    "shared.storage.s3": "s3",
    "shared.knowledge.s3": "s3",
    "shared.knowledge.bedrock": "bedrock-agent-runtime",
    "shared.messaging.sqs": "sqs",
    "shared.messaging.connection_api": "apigatewaymanagementapi",
    "shared.messaging.lambda_functions": "lambda",
    "shared.messaging.ses_mail": "sesv2",
    "shared.aws": "secretsmanager",
}
"""The modules that ask AWS, and what they ask. All the others go through these."""

_ACTIONS = {
    "get_item": "dynamodb:GetItem",
    "batch_get_item": "dynamodb:BatchGetItem",
    "query": "dynamodb:Query",
    "scan": "dynamodb:Scan",
    "get_object": "s3:GetObject",
    "put_object": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
    "list_objects_v2": "s3:ListBucket",
    "send_message_batch": "sqs:SendMessage",
    "post_to_connection": "execute-api:ManageConnections",
    "delete_connection": "execute-api:ManageConnections",
    "get_secret_value": "secretsmanager:GetSecretValue",
    "invoke": "lambda:InvokeFunction",
    "send_email": "ses:SendEmail",
    "retrieve": "bedrock:Retrieve",
}
_WRITES: dict[object, str] = {
    table.Put: "dynamodb:PutItem",
    table.Update: "dynamodb:UpdateItem",
    table.Delete: "dynamodb:DeleteItem",
    table.Check: "dynamodb:ConditionCheckItem",
}
_WRITING = {"put_item", "update_item", "delete_item", "transact_write_items"}
"""The engine writes whatever it is given: who gives it a deletion can delete."""

_LOADS = ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR")
_OURS = ("shared.", "functions.")
_PARTS = {name: value for kind in Deployment.__mro__ for name, value in vars(kind).items()}


def unknown_operations(module: str, operations: set[str]) -> set[str]:
    """Those of the operations that a module that asks AWS uses, and that are not known here."""
    used: set[str] = set()
    for value in vars(importlib.import_module(module)).values():
        if getattr(value, "__module__", None) == module:
            for function in _functions_of(value):
                used |= _words(function.__code__)
    assert used & operations, f"{module} asks nothing of AWS"
    return used & operations - set(_ACTIONS) - _WRITING


class Reach:
    """Everything that the handler can come to in this deployment."""

    def __init__(self, deployment: Deployment, handler: Any) -> None:
        self._deployment = deployment
        self._functions: set[FunctionType] = set()
        self._classes: set[type] = set()
        self._attributes: set[str] = set()
        self._met: dict[int, Any] = {}
        self._meet(handler)
        self._follow()

    def actions(self) -> set[str]:
        """The actions of AWS, as policies name them."""
        found: set[str] = set()
        for function in self._functions:
            if function.__module__ in SERVICES:
                asked = _words(function.__code__) & set(_ACTIONS)
                found |= {_ACTIONS[word] for word in asked}
            elif not function.__module__.startswith("shared.storage"):
                meant = {id(value) for value in self._meant(function)}
                found |= {action for kind, action in _WRITES.items() if id(kind) in meant}
        return found

    def _follow(self) -> None:
        done: set[FunctionType] = set()
        known = 0
        while known != (known := len(self._met)):
            for function in self._functions - done:
                done.add(function)
                self._attributes |= _attributes(function.__code__)
                for value in self._meant(function):
                    self._meet(value)
            for name, value in [each for kind in self._classes for each in _members(kind)]:
                if name in self._attributes or name.startswith("__"):
                    self._meet(value)

    def _meant(self, function: FunctionType) -> Iterator[Any]:
        """What its words mean: globals, things of modules, parts of the deployment."""
        words = _words(function.__code__)
        imported = [word for word in words if word.partition(".")[0] == "shared"]
        places = [function.__globals__]
        places += [vars(importlib.import_module(word)) for word in imported]
        for place in list(places):
            modules = [place[word] for word in words if isinstance(place.get(word), ModuleType)]
            places += [vars(module) for module in modules if module.__name__.startswith(_OURS)]
        for place in places:
            yield from (place[word] for word in words if word in place)
        if function.__module__.startswith(("functions.", "shared.wiring.")):
            parts = [word for word in words if isinstance(_PARTS.get(word), cached_property)]
            yield from (getattr(self._deployment, word) for word in parts)

    def _meet(self, value: Any) -> None:
        if id(value) in self._met or isinstance(value, Deployment | BaseModel):
            return
        self._met[id(value)] = value
        match value:
            case FunctionType():
                # The wiring's own functions read the secrets that settings name: whoever names one
                # is asked elsewhere.
                if value.__module__.startswith(_OURS) and value.__module__ != "shared.wiring":
                    self._functions.add(value)
                for cell in value.__closure__ or ():
                    self._meet(cell.cell_contents)
            case MethodType():
                self._meet(value.__self__)
                self._meet(value.__func__)
            case partial():
                for each in (value.func, *value.args, *value.keywords.values()):
                    self._meet(each)
            case dict():
                for each in value.values():
                    self._meet(each)
            case list() | tuple() | set() | frozenset():
                for each in value:
                    self._meet(each)
            case type():
                if value.__module__.startswith(_OURS) and value not in Deployment.__mro__:
                    self._classes.add(value)
            case property() | cached_property() | staticmethod() | classmethod():
                for function in _functions_of(value):
                    self._meet(function)
            case _ if hasattr(value, "__wrapped__") and callable(value):
                self._meet(value.__wrapped__)
            case _ if type(value).__module__.startswith((*_OURS, "fastapi.", "starlette.")):
                self._meet(type(value))
                for each in _state(value):
                    self._meet(each)


def _words(code: CodeType) -> set[str]:
    """The names that code uses, that of its inner functions included."""
    inner = [_words(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*inner)


def _attributes(code: CodeType) -> set[str]:
    """Those that are attributes of something."""
    inner = [_attributes(each) for each in code.co_consts if isinstance(each, CodeType)]
    used = {each.argval for each in dis.get_instructions(code) if each.opname in _LOADS}
    return used.union(*inner)


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    for each in kind.__mro__:
        if each.__module__.startswith(_OURS):
            yield from vars(each).items()


def _functions_of(value: Any) -> Iterator[Any]:
    match value:
        case FunctionType():
            yield value
        case property():
            yield from (each for each in (value.fget, value.fset) if isinstance(each, FunctionType))
        case cached_property():
            yield value.func
        case staticmethod() | classmethod():
            yield value.__func__
        case type():
            for each in vars(value).values():
                yield from _functions_of(each)
        case _ if hasattr(value, "__wrapped__"):
            yield from _functions_of(value.__wrapped__)


def _state(value: Any) -> Iterator[Any]:
    yield from getattr(value, "__dict__", {}).values()
    for kind in type(value).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if hasattr(value, name):
                yield getattr(value, name)
