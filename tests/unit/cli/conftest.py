"""Model files to run commands on."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

GOOD = """\
# reaction times
index j = subject

y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ normal(b0 + g1*z[j], sd_j)
"""

WRONG = "y[i] ~ normal(b0[j], sd)\nb0[j] ~ normal(g0 + g1*x[i], sd_j)\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with ``good.hm`` and ``wrong.hm``, which commands run in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.hm").write_text(GOOD, encoding="utf-8")
    (tmp_path / "wrong.hm").write_text(WRONG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def stdin(monkeypatch):
    """Sets what standard input holds, as bytes."""

    def give(data):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    return give
