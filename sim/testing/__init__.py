"""For the tests of one's own schemes: ``check_scheme(MyScheme)``."""

from sim.testing.conformance import CHECKS, Failure, SchemeError, check_scheme

__all__ = ["CHECKS", "Failure", "SchemeError", "check_scheme"]
