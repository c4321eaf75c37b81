"""Whole configurations as engines write them: see spec-fixtures/engines for where each comes from."""

from . import case
