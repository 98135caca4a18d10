"""What a name is: the rules of the language reference, one by one."""

from __future__ import annotations

import pytest

import hdsl
from hdsl.diagnostics import Diagnostics
from hdsl.semantics import ResolvedModel, Role, resolve
from hdsl.source import Source
from hdsl.syntax import parse


def resolved(text: str) -> ResolvedModel:
    source = Source(text)
    found = Diagnostics(source)
    model = resolve(parse(source), source, found)
    found.raise_errors(hdsl.ModelError)
    return model


def roles(text: str) -> dict[str, Role]:
    return {entity.printed: entity.role for entity in resolved(text).entities.values()}


CASES = {
    "unused on the left of ~": ("y[i] ~ normal(b, sd)", "y[i]", Role.OUTCOME),
    "used on the left of ~": ("y[i] ~ normal(b[j], sd)\nb[j] ~ normal(b, s)", "b[j]", Role.COEFFICIENT),
    "the same name without subscripts": ("y[i] ~ normal(b[j], sd)\nb[j] ~ normal(b, s)", "b", Role.PARAMETER),
    "flat": ("y[i] ~ normal(b[j], sd)\nb[j] ~ flat()", "b[j]", Role.UNMODELLED),
    "a prior": ("y[i] ~ normal(b, sd)\nb ~ normal(0, 2.5)", "b", Role.PARAMETER),
    "indexed without a statement": ("y[i] ~ normal(b + c*z[j], sd)", "z[j]", Role.DATA),
    "declared as data and used": ("data y[i]\ny[i] ~ normal(b, sd)\nz[i] ~ normal(y[i], s)", "y[i]", Role.OUTCOME),
    "an outcome defined from data": ('y[i] = use[i] == "Y"\ny[i] ~ bernoulli(p)', "y[i]", Role.OUTCOME),
    "a definition from data": ("x_c[i] = x[i] - 3\ny[i] ~ normal(b*x_c[i], sd)", "x_c[i]", Role.DATA_DEFINITION),
    "a definition of a definition": (
        "a[j] = z[j]^2\nc[j] = a[j] + 1\ny[i] ~ normal(b*c[j], sd)",
        "c[j]",
        Role.DATA_DEFINITION,
    ),
    "a definition with a parameter": ("mu[i] = b*x[i]\ny[i] ~ normal(mu[i], sd)", "mu[i]", Role.DEFINITION),
    "an outcome with its error written out": ("y[i] = b*x[i] + e[i]\ne[i] ~ normal(0, sd)", "y[i]", Role.OUTCOME),
    "an error through definitions": ("y[i] = m[i]\nm[i] = b + e[i]\ne[i] ~ normal(0, sd)", "y[i]", Role.OUTCOME),
    "a covariance": (
        "y[i] ~ normal(u[j] + v[j]*x[i], sd)\n(u[j], v[j]) ~ mvnormal(0, Omega)",
        "Omega",
        Role.COVARIANCE,
    ),
    "thresholds": ("y[i] ~ ordered_logit(b*x[i], cut)", "cut", Role.THRESHOLDS),
    "a known matrix": ("y[i] ~ normal(b + a[d], sd)\na[d] ~ mvnormal(0, s^2 * A[d, d])", "A[d]", Role.MATRIX),
    "reserved words alone are reserved": ("y[i] ~ normal(beta + sd*gamma[i], normal)", "beta", Role.PARAMETER),
}


@pytest.mark.parametrize(("text", "symbol", "role"), CASES.values(), ids=CASES)
def test_role(text: str, symbol: str, role: Role) -> None:
    assert roles(text)[symbol] is role


def test_subscripts_have_no_order() -> None:
    model = resolved("y[i] ~ normal(b[j,k] + b[k,j]*x[i], sd)\nb[j,k] ~ normal(0, s)")
    assert [e.printed for e in model.entities.values() if e.name == "b"] == ["b[j,k]"]


def test_a_determined_subscript_adds_nothing() -> None:
    model = resolved(
        "index j = class in k\ny[i,j,k] ~ normal(u[j,k] + v[j], sd)\nu[j] ~ normal(0, s)\nv[k,j] ~ normal(0, t)"
    )
    assert {e.printed for e in model.of_role(Role.COEFFICIENT)} == {"u[j]", "v[j]"}
    assert {e.printed for e in model.of_role(Role.OUTCOME)} == {"y[i]"}


def test_pi_is_a_number_unless_it_is_declared() -> None:
    assert "pi" not in roles("y[i] ~ normal(b*sin(2*pi*t[i]), sd)")
    assert roles("y[i] ~ normal(pi*t[i], sd)\npi ~ flat()")["pi"] is Role.PARAMETER


def test_an_index_and_a_column_may_share_a_name() -> None:
    found = roles("index t = week\ny[i] ~ normal(b*t[i] + u[t], sd)\nu[t] ~ normal(0, s)")
    assert found["t[i]"] is Role.DATA
    assert found["u[t]"] is Role.COEFFICIENT


def test_statements_may_stand_in_any_order() -> None:
    lines = [
        "b[j] ~ normal(g + h*z[j], s)",
        "y[i] ~ normal(b[j] + c*x_c[i], sd)",
        "x_c[i] = x[i] - xbar[j]",
        "xbar[j] = mean(x[i])",
    ]
    assert roles("\n".join(lines)) == roles("\n".join(reversed(lines)))


def test_what_a_forgotten_equation_is_told() -> None:
    model = hdsl.Model("y[i] ~ normal(b0[j] + b0 + b1*x[i], sd)")
    (warning,) = model.diagnostics
    assert (warning.code, warning.span.line, warning.span.column) == ("HM107", 1, 15)
    assert "`data b0[j]`" in warning.help


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("y[i] ~ normal(b0, sd)\nb_t[t] ~ flat()", "b_t[t]"),
        ("y[i] ~ normal(b0, sd)\nz[i] = x[i]^2", "z[i]"),
        ("y[i] ~ normal(b0, sd)\nb9 ~ normal(0, 1)", "b9"),
    ],
)
def test_what_no_statement_uses_is_warned_of(text: str, symbol: str) -> None:
    (warning,) = hdsl.Model(text).diagnostics
    assert warning.code == "HM108"
    assert f"`{symbol}`" in warning.message


def test_a_chain_of_definitions_that_is_too_long_is_refused_by_name() -> None:
    chain = [f"m{k}[i] = m{k + 1}[i] + b{k}*x[i]" for k in range(2000)]
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model("\n".join(["y[i] ~ normal(m0[i], sd)", *chain, "m2000[i] = c"]))
    assert caught.value.code == "HM009"
