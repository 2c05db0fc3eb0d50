"""Wrapping what belongs to others, and taking it off again.

Model methods are wrapped on the class that a registry builds for a model, so one wrapper sees every override
of every addon and is gone with its registry. `create` and `write` are wrapped where the model is defined:
`base_automation` puts its own on the registry's class and deletes what it finds there.
"""

from __future__ import annotations

import functools
import inspect
import logging
import threading

from . import runtime
from .errors import DatabaseError

_logger = logging.getLogger(__name__)
_lock = threading.RLock()
_MISSING = object()
# (id of owner, name): Patch. Owners stay alive through their patch.
_process_patches = {}
MARK = "_plimsoll_patches"


class Patch:
    """One wrapper in its place. `active` is what a wrapper asks that someone else has wrapped since, and that
    therefore can't be taken out of the chain."""

    def __init__(self, owner, name, wrapper, previous):
        self.owner = owner
        self.name = name
        self.wrapper = wrapper
        self.previous = previous
        self.active = True

    def remove(self):
        self.active = False
        if self.owner.__dict__.get(self.name) is not self.wrapper:
            return
        if self.previous is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.previous)


def patch_function(owner, name, around):
    """Replaces a function of a module or class by one that calls `around(original, *args, **kwargs)`. Once
    per process; a name that isn't there is another version's, and is passed over."""
    with _lock:
        raw = owner.__dict__.get(name, _MISSING)
        if raw is _MISSING:
            _logger.debug("nothing to observe: %r has no %s", owner, name)
            return None
        key = (id(owner), name)
        if key in _process_patches:
            return _process_patches[key]
        original = raw.__func__ if isinstance(raw, (classmethod, staticmethod)) else raw

        @functools.wraps(original)
        def wrapper(*args, **kwargs):
            if not patch.active:
                return original(*args, **kwargs)
            return around(original, *args, **kwargs)

        placed = type(raw)(wrapper) if isinstance(raw, (classmethod, staticmethod)) else wrapper
        patch = Patch(owner, name, placed, raw)
        setattr(owner, name, placed)
        _process_patches[key] = patch
        return patch


def patch_model(model_class, name, around):
    """Wraps a method of a registry's class. `around(call, records, args, kwargs)`; `call` takes the same
    three."""
    patches = model_class.__dict__.get(MARK)
    if patches is None:
        patches = {}
        setattr(model_class, MARK, patches)
    if name in patches:
        return patches[name]
    raw = inspect.getattr_static(model_class, name, None)
    function = raw.__func__ if isinstance(raw, classmethod) else raw
    if not callable(function):
        _logger.debug("nothing to observe: %s has no %s", model_class, name)
        return None
    previous = model_class.__dict__.get(name, _MISSING)

    def call(records, args, kwargs):
        # Resolved now and not when the wrapper was placed: the class may have got other bases since.
        if previous is _MISSING:
            return getattr(super(model_class, records), name)(*args, **kwargs)
        owner = records if isinstance(records, type) else type(records)
        return previous.__get__(None if records is owner else records, owner)(*args, **kwargs)

    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        if not patch.active:
            return call(self, args, kwargs)
        return around(call, self, args, kwargs)

    placed = classmethod(wrapper) if isinstance(raw, classmethod) else wrapper
    patch = Patch(model_class, name, placed, previous)
    setattr(model_class, name, placed)
    patches[name] = patch
    return patch


def patch_definition(model_class, name, around):
    """Wraps `create` or `write` on the class that defines the model, once per process and for all
    databases."""
    definition = _definition(model_class)
    if definition is None:
        return None
    if name in definition.__dict__:
        return patch_function(
            definition,
            name,
            lambda original, records, *args, **kwargs: around(
                lambda self, args, kwargs: original(self, *args, **kwargs), records, args, kwargs
            ),
        )
    with _lock:
        key = (id(definition), name)
        if key in _process_patches:
            return _process_patches[key]
        inherited = getattr(definition, name, None)
        if inherited is None:
            return None

        def call(records, args, kwargs):
            return getattr(super(definition, records), name)(*args, **kwargs)

        @functools.wraps(inherited)
        def wrapper(self, *args, **kwargs):
            if not patch.active:
                return call(self, args, kwargs)
            return around(call, self, args, kwargs)

        patch = Patch(definition, name, wrapper, _MISSING)
        setattr(definition, name, wrapper)
        _process_patches[key] = patch
        return patch


def _definition(model_class):
    """The class with `_name = ...` that is furthest from the registry's own class."""
    name = model_class._name
    for parent in reversed(model_class.__mro__):
        if parent is not model_class and parent.__dict__.get("_name") == name:
            return parent
    return None


def remove_from_registry(registry):
    """Takes every wrapper off the classes of one database."""
    for model_class in registry.values():
        for patch in (model_class.__dict__.get(MARK) or {}).values():
            patch.remove()
        if MARK in model_class.__dict__:
            delattr(model_class, MARK)


def remove_from_process():
    """Takes off what is not of one database. The last that was placed goes first."""
    with _lock:
        while _process_patches:
            _process_patches.popitem()[1].remove()


def guarded(where, function, *args):
    """Our part, without Odoo noticing: an exception of ours is told once and becomes None.

    A database error is not ours to hide: it leaves the transaction aborted, and whoever commits an aborted
    transaction gets a rollback without an error. So it goes on, as the same statement's would have without
    us.
    """
    try:
        return function(*args)
    except DatabaseError:
        raise
    except Exception as error:
        _report(where, error)
        return None


def silent(where, function, *args):
    """Like `guarded`, where no statement is sent and nothing at all may get out."""
    try:
        return function(*args)
    except Exception as error:
        _report(where, error)
        return None


def _report(where, error):
    active = runtime.get()
    if active is not None:
        active.fault(where, error)
