"""From a scenario's policy to a scheme: names, parameters, jurisdictions."""

from __future__ import annotations

import importlib
import inspect

from pydantic import ValidationError

from sim.errors import InputError, nearest
from sim.quantities import describe_validation_error, dotted
from sim.scenario import Policy, Scenario
from sim.schemes.programmes import programme_policy
from sim.schemes.scheme import SCHEMES, Scheme

JURISDICTIONS: dict[str, int | None] = {"unrestricted": None, "CN": 2}  # most paid levels


def make_scheme(policy: Policy | Scheme, where: str) -> Scheme:
    """The scheme or programme a policy names, with its parameters; a scheme is returned as it is.

    where : how messages name the policy, such as "policies.ten_percent".

    Raises
    ------
    InputError
        For an unknown scheme, programme or parameter (with the nearest right spelling), a value
        out of bounds, a scheme beside a programme, or a class that cannot be loaded.
    """
    if isinstance(policy, Scheme):
        return policy
    if "programme" in policy.parameters:
        policy = programme_policy(policy, where)
    if policy.parameters and "scheme" not in policy.model_fields_set:
        raise InputError(
            f"{where} has parameters ({', '.join(policy.parameters)}) but no scheme; "
            f'add scheme = "...", one of: {", ".join(SCHEMES)}'
        )
    scheme = _scheme_class(policy.scheme, f"{where}.scheme")
    try:
        return scheme.model_validate(policy.parameters)
    except ValidationError as error:
        raise _as_input_error(error, scheme, where) from None


def started_on(scheme: Scheme, day: int, where: str) -> Scheme:
    """The scheme as it is if it takes over on ``day``, see :meth:`Scheme.started_on`.

    where : how messages name the policy. Raises :class:`InputError` if it is over by then.
    """
    try:
        return scheme.started_on(day)
    except ValidationError as error:
        raise _as_input_error(error, type(scheme), where) from None


def _as_input_error(error: ValidationError, scheme: type[Scheme], where: str) -> InputError:
    """The first fault of a scheme's parameters in one line."""
    message = describe_validation_error(error, where, scheme)
    field = dotted(error.errors()[0]["loc"])
    if field:
        # A part of a composed scheme names itself.
        message = message.replace(f"{where}: {field}: {field}.", f"{where}.{field}.", 1)
        message = message.replace(f"{where}: {field}", f"{where}.{field}", 1)
    return InputError(message)


def written_out(scenario: Scenario) -> Scenario:
    """The scenario with the terms of the programmes that its policies name.

    A saved scenario then gives the same when the catalogue of programmes has changed.
    """
    named = {
        name: programme_policy(policy, f"policies.{name}")
        for name, policy in scenario.policies.items()
        if "programme" in policy.parameters
    }
    return scenario.but(policies={**scenario.policies, **named}) if named else scenario


def check_jurisdiction(scheme: Scheme, profile: str, where: str = "policies") -> None:
    """Refuse a scheme that pays more levels than a jurisdiction allows.

    profile : a key of :data:`JURISDICTIONS`. where : how messages name the policy. Raises
    :class:`InputError` for too many levels or an unknown profile.
    """
    if profile not in JURISDICTIONS:
        raise InputError(
            f"jurisdiction = {profile!r} is not known{nearest(profile, JURISDICTIONS)}"
        )
    most = JURISDICTIONS[profile]
    if most is not None and scheme.paid_levels > most:
        raise InputError(
            f"{where} pays {scheme.paid_levels} levels, jurisdiction = {profile} allows {most}; "
            "lower levels or choose another jurisdiction"
        )


def _scheme_class(name: str, where: str) -> type[Scheme]:
    """The class of a registered name or of package.module:Class."""
    if ":" not in name:
        if name not in SCHEMES:
            raise InputError(f"{where} = {name!r} is not known{nearest(name, SCHEMES)}")
        found: object = SCHEMES[name]
    else:
        module_name, _, class_name = name.partition(":")
        try:
            module = importlib.import_module(module_name)
        except (ImportError, ValueError) as error:
            raise InputError(
                f"{where} = {name!r}: {error}; install the module or put its folder on PYTHONPATH"
            ) from None
        found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Scheme)):
        raise InputError(f"{where} = {name!r} does not name a subclass of sim.incentives.Scheme")
    if inspect.isabstract(found):
        lacking = ", ".join(sorted(found.__abstractmethods__))
        raise InputError(f"{where} = {name!r}: class {found.__name__} does not define {lacking}")
    return found
