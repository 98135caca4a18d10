"""Equations of the language reference, section 6: model text and the composite terms, derived by hand.

A `Row` is one term of the single equation, worked out on paper from the level equations. Covariates are a set: the
order in which a program prints a product is not part of the equation. `lines` are the statements that the term must
come from; `may` are statements that it may name as well (the distribution of an effect, the outcome's statement).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One expected term."""

    part: str
    coefficient: str | None
    covariates: frozenset[str]
    level: str
    implied: bool
    lines: frozenset[int]
    may: frozenset[int] = frozenset()


def fixed(
    coefficient: str, *covariates: str, at: str = "", lines: tuple[int, ...], implied: bool = False, may=()
) -> Row:
    return Row("fixed", coefficient, frozenset(covariates), at, implied, frozenset(lines), frozenset(may))


def random(coefficient: str, *covariates: str, at: str, lines: tuple[int, ...], implied: bool = False, may=()) -> Row:
    return Row("random", coefficient, frozenset(covariates), at, implied, frozenset(lines), frozenset(may))


def residual(coefficient: str | None = None, *, lines: tuple[int, ...] = (1,), may=()) -> Row:
    return Row("residual", coefficient, frozenset(), "i", False, frozenset(lines), frozenset(may))


@dataclass(frozen=True)
class Equation:
    """A numbered model: its text, the printed left side of its predictor, and its terms."""

    number: str
    text: str
    predictor: str
    rows: tuple[Row, ...]

    @property
    def source(self) -> str:
        return self.text.strip("\n") + "\n"


# fmt: off
EQUATIONS = (
    Equation("1", """
y[i] ~ normal(b0 + b1*x[i], sd)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        residual(),
    )),
    Equation("1, error written out", """
y[i] = b0 + b1*x[i] + e[i]
e[i] ~ normal(0, sd)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        residual("e[i]", may=(2,)),
    )),
    Equation("2", """
y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ normal(b0, sd_u0)
""", "y[i]", (
        fixed("b0", lines=(1, 2)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        random("b0[j]", at="j", lines=(1,), may=(2,)),
        residual(),
    )),
    Equation("2, errors written out", """
y[i]  = b0[j] + b1*x[i] + e[i]
e[i]  ~ normal(0, sd)
b0[j] = b0 + u0[j]
u0[j] ~ normal(0, sd_u0)
""", "y[i]", (
        fixed("b0", lines=(1, 3)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        random("u0[j]", at="j", lines=(1, 3), may=(4,)),
        residual("e[i]", may=(2,)),
    )),
    Equation("3", """
y[i] ~ normal(b0 + b1[j]*x[i], sd)
b1[j] ~ normal(b1, sd_u1)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("b1", "x[i]", at="i", lines=(1, 2)),
        random("b1[j]", "x[i]", at="i", lines=(1,), may=(2,)),
        residual(),
    )),
    Equation("3, error of the slope written out", """
y[i] ~ normal(b0 + b1[j]*x[i], sd)
b1[j] = b1 + u1[j]
u1[j] ~ normal(0, sd_u1)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("b1", "x[i]", at="i", lines=(1, 2)),
        random("u1[j]", "x[i]", at="i", lines=(1, 2), may=(3,)),
        residual(),
    )),
    Equation("4", """
y[i] ~ normal(b0[j] + b1[j]*x[i], sd)
(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)
""", "y[i]", (
        fixed("b0", lines=(1, 2)),
        fixed("b1", "x[i]", at="i", lines=(1, 2)),
        random("b0[j]", at="j", lines=(1,), may=(2,)),
        random("b1[j]", "x[i]", at="i", lines=(1,), may=(2,)),
        residual(),
    )),
    Equation("4, with a fixed slope", """
y[i] ~ normal(b0[j] + b1[j]*x1[i] + b2*z1[i], sd)
(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)
""", "y[i]", (
        fixed("b0", lines=(1, 2)),
        fixed("b1", "x1[i]", at="i", lines=(1, 2)),
        fixed("b2", "z1[i]", at="i", lines=(1,)),
        random("b0[j]", at="j", lines=(1,), may=(2,)),
        random("b1[j]", "x1[i]", at="i", lines=(1,), may=(2,)),
        residual(),
    )),
    Equation("5-8", """
y[i]  = b0[j] + b1[j]*x1[i] + b2*x2[i] + e[i]
e[i]  ~ normal(0, sd)
b0[j] = b0 + b3*x3[j] + u0[j]
b1[j] = b1 + b4*x3[j] + u1[j]
(u0[j], u1[j]) ~ mvnormal(0, Omega)
""", "y[i]", (
        fixed("b0", lines=(1, 3)),
        fixed("b1", "x1[i]", at="i", lines=(1, 4)),
        fixed("b2", "x2[i]", at="i", lines=(1,)),
        fixed("b3", "x3[j]", at="j", lines=(1, 3)),
        fixed("b4", "x3[j]", "x1[i]", at="i", lines=(1, 4), implied=True),
        random("u0[j]", at="j", lines=(1, 3), may=(5,)),
        random("u1[j]", "x1[i]", at="i", lines=(1, 4), may=(5,)),
        residual("e[i]", may=(2,)),
    )),
    Equation("5-8, as distributions", """
y[i] ~ normal(b0[j] + b1[j]*x1[i] + b2*x2[i], sd)
(b0[j], b1[j]) ~ mvnormal((b0 + b3*x3[j], b1 + b4*x3[j]), Omega)
""", "y[i]", (
        fixed("b0", lines=(1, 2)),
        fixed("b1", "x1[i]", at="i", lines=(1, 2)),
        fixed("b2", "x2[i]", at="i", lines=(1,)),
        fixed("b3", "x3[j]", at="j", lines=(1, 2)),
        fixed("b4", "x3[j]", "x1[i]", at="i", lines=(1, 2), implied=True),
        random("b0[j]", at="j", lines=(1,), may=(2,)),
        random("b1[j]", "x1[i]", at="i", lines=(1,), may=(2,)),
        residual(),
    )),
    Equation("8, the product written by the user", """
y[i] ~ normal(b0 + b1*x1[i] + b3*x3[j] + b4*x3[j]*x1[i] + u0[j] + u1[j]*x1[i], sd)
(u0[j], u1[j]) ~ mvnormal(0, Omega)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("b1", "x1[i]", at="i", lines=(1,)),
        fixed("b3", "x3[j]", at="j", lines=(1,)),
        fixed("b4", "x3[j]", "x1[i]", at="i", lines=(1,)),
        random("u0[j]", at="j", lines=(1,), may=(2,)),
        random("u1[j]", "x1[i]", at="i", lines=(1,), may=(2,)),
        residual(),
    )),
    Equation("9, fully pooled", """
y[i] ~ normal(b0 + b1*x[i], sd)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        residual(),
    )),
    Equation("10, fully unpooled", """
y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ flat()
""", "y[i]", (
        fixed("b0[j]", at="j", lines=(1,), may=(2,)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        residual(),
    )),
    Equation("10, with unpooled slopes", """
y[i] ~ normal(b0[j] + b1[j]*x[i], sd)
b0[j] ~ flat()
b1[j] ~ flat()
""", "y[i]", (
        fixed("b0[j]", at="j", lines=(1,), may=(2,)),
        fixed("b1[j]", "x[i]", at="i", lines=(1,), may=(3,)),
        residual(),
    )),
    Equation("11, mean model", """
y[i] ~ normal(b0[j], sd)
b0[j] ~ normal(b0, sd_u0)
""", "y[i]", (
        fixed("b0", lines=(1, 2)),
        random("b0[j]", at="j", lines=(1,), may=(2,)),
        residual(),
    )),
    Equation("12, shrinkage towards a group's covariate", """
y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ normal(b0 + b2*z[j], sd_u0)
""", "y[i]", (
        fixed("b0", lines=(1, 2)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        fixed("b2", "z[j]", at="j", lines=(1, 2)),
        random("b0[j]", at="j", lines=(1,), may=(2,)),
        residual(),
    )),
    Equation("13-15", """
index j = school in k
index k = district
y[i] ~ normal(b0[j] + b1[j]*x1[i], sd)
b0[j] = g00[k] + g01[k]*x2[j] + u0[j]
b1[j] = g10[k] + g11[k]*x2[j] + u1[j]
(u0[j], u1[j]) ~ mvnormal(0, Omega_j)
g00[k] = d000 + d001*x3[k] + v00[k]
g01[k] = d010 + d011*x3[k] + v01[k]
g10[k] = d100 + d101*x3[k] + v10[k]
g11[k] = d110 + d111*x3[k] + v11[k]
(v00[k], v01[k], v10[k], v11[k]) ~ mvnormal(0, Omega_k)
""", "y[i]", (
        fixed("d000", lines=(3, 4, 7)),
        fixed("d001", "x3[k]", at="k", lines=(3, 4, 7)),
        fixed("d010", "x2[j]", at="j", lines=(3, 4, 8)),
        fixed("d100", "x1[i]", at="i", lines=(3, 5, 9)),
        fixed("d011", "x3[k]", "x2[j]", at="j", lines=(3, 4, 8), implied=True),
        fixed("d101", "x3[k]", "x1[i]", at="i", lines=(3, 5, 9), implied=True),
        fixed("d110", "x2[j]", "x1[i]", at="i", lines=(3, 5, 10), implied=True),
        fixed("d111", "x3[k]", "x2[j]", "x1[i]", at="i", lines=(3, 5, 10), implied=True),
        random("u0[j]", at="j", lines=(3, 4), may=(6,)),
        random("u1[j]", "x1[i]", at="i", lines=(3, 5), may=(6,)),
        random("v00[k]", at="k", lines=(3, 4, 7), may=(11,)),
        random("v01[k]", "x2[j]", at="j", lines=(3, 4, 8), may=(11,)),
        random("v10[k]", "x1[i]", at="i", lines=(3, 5, 9), may=(11,)),
        random("v11[k]", "x2[j]", "x1[i]", at="i", lines=(3, 5, 10), implied=True, may=(11,)),
        residual(lines=(3,)),
    )),
    Equation("13-15, subscripts as printed, nesting declared", """
index j = school in k
y[i,j,k] ~ normal(b0[j,k] + b1[j,k]*x1[i,j,k], sd)
(b0[j,k], b1[j,k]) ~ mvnormal((g00[k] + g01[k]*x2[j,k], g10[k] + g11[k]*x2[j,k]), Omega_j)
(g00[k], g01[k], g10[k], g11[k]) ~ mvnormal(
    (d000 + d001*x3[k], d010 + d011*x3[k], d100 + d101*x3[k], d110 + d111*x3[k]), Omega_k)
""", "y[i]", (
        fixed("d000", lines=(2, 3), may=(4, 5)),
        fixed("d001", "x3[k]", at="k", lines=(2, 3), may=(4, 5)),
        fixed("d010", "x2[j]", at="j", lines=(2, 3), may=(4, 5)),
        fixed("d100", "x1[i]", at="i", lines=(2, 3), may=(4, 5)),
        fixed("d011", "x3[k]", "x2[j]", at="j", lines=(2, 3), implied=True, may=(4, 5)),
        fixed("d101", "x3[k]", "x1[i]", at="i", lines=(2, 3), implied=True, may=(4, 5)),
        fixed("d110", "x2[j]", "x1[i]", at="i", lines=(2, 3), implied=True, may=(4, 5)),
        fixed("d111", "x3[k]", "x2[j]", "x1[i]", at="i", lines=(2, 3), implied=True, may=(4, 5)),
        random("b0[j]", at="j", lines=(2,), may=(3,)),
        random("b1[j]", "x1[i]", at="i", lines=(2,), may=(3,)),
        random("g00[k]", at="k", lines=(2, 3), may=(4, 5)),
        random("g01[k]", "x2[j]", at="j", lines=(2, 3), may=(4, 5)),
        random("g10[k]", "x1[i]", at="i", lines=(2, 3), may=(4, 5)),
        random("g11[k]", "x2[j]", "x1[i]", at="i", lines=(2, 3), implied=True, may=(4, 5)),
        residual(lines=(2,)),
    )),
    Equation("4.1", """
y[i] ~ normal(b0[j,k] + b1*x1[i], sd)
b0[j,k] = b0[k] + u0[j,k]
u0[j,k] ~ normal(0, sd[k])
log(sd[k]) ~ normal(m, tau)
b0[k] ~ normal(b0, sd_k)
""", "y[i]", (
        fixed("b0", lines=(1, 2, 5)),
        fixed("b1", "x1[i]", at="i", lines=(1,)),
        random("u0[j,k]", at="j,k", lines=(1, 2), may=(3,)),
        random("b0[k]", at="k", lines=(1, 2), may=(5,)),
        residual(),
    )),
    Equation("16", """
y[i] ~ normal(b0 + b1*x[i] + u0[r] + u0[o] + u1[r]*x[i] + u1[o]*x[i], sd)
(u0[r], u1[r]) ~ mvnormal(0, Omega_r)
(u0[o], u1[o]) ~ mvnormal(0, Omega_o)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        random("u0[r]", at="r", lines=(1,), may=(2,)),
        random("u1[r]", "x[i]", at="i", lines=(1,), may=(2,)),
        random("u0[o]", at="o", lines=(1,), may=(3,)),
        random("u1[o]", "x[i]", at="i", lines=(1,), may=(3,)),
        residual(),
    )),
    Equation("17", """
y[i] ~ normal(b0 + b1*x[i] + u0[r] + u0[o] + u1[r]*x[i] + u1[o]*x[i] + u[r,o], sd)
(u0[r], u1[r]) ~ mvnormal(0, Omega_r)
(u0[o], u1[o]) ~ mvnormal(0, Omega_o)
u[o,r] ~ normal(0, sd_ro)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("b1", "x[i]", at="i", lines=(1,)),
        random("u0[r]", at="r", lines=(1,), may=(2,)),
        random("u1[r]", "x[i]", at="i", lines=(1,), may=(2,)),
        random("u0[o]", at="o", lines=(1,), may=(3,)),
        random("u1[o]", "x[i]", at="i", lines=(1,), may=(3,)),
        random("u[r,o]", at="r,o", lines=(1,), may=(4,)),
        residual(),
    )),
    Equation("17, region and occupation covariates on one slope", """
y[i] ~ normal(b0 + b1[r]*x[i] + b2[o]*x[i], sd)
b1[r] ~ normal(g1*z[r], sd_r)
b2[o] ~ normal(g0 + g2*w[o], sd_o)
""", "y[i]", (
        fixed("b0", lines=(1,)),
        fixed("g0", "x[i]", at="i", lines=(1, 3)),
        fixed("g1", "z[r]", "x[i]", at="i", lines=(1, 2), implied=True),
        fixed("g2", "w[o]", "x[i]", at="i", lines=(1, 3), implied=True),
        random("b1[r]", "x[i]", at="i", lines=(1,), may=(2,)),
        random("b2[o]", "x[i]", at="i", lines=(1,), may=(3,)),
        residual(),
    )),
    *(
        Equation(f"18, {link}", f"""
y[i] ~ {outcome}
{link}({argument}[i]) = b0[j] + b1[j]*x1[i]
b0[j] = b0 + b3*x3[j] + u0[j]
b1[j] = b1 + b4*x3[j] + u1[j]
(u0[j], u1[j]) ~ mvnormal(0, Omega)
""", f"{link}({argument}[i])", (
            fixed("b0", lines=(2, 3), may=(1,)),
            fixed("b1", "x1[i]", at="i", lines=(2, 4), may=(1,)),
            fixed("b3", "x3[j]", at="j", lines=(2, 3), may=(1,)),
            fixed("b4", "x3[j]", "x1[i]", at="i", lines=(2, 4), implied=True, may=(1,)),
            random("u0[j]", at="j", lines=(2, 3), may=(1, 5)),
            random("u1[j]", "x1[i]", at="i", lines=(2, 4), may=(1, 5)),
        ))
        for link, argument, outcome in (
            ("logit", "p", "bernoulli(p[i])"),
            ("probit", "p", "bernoulli(p[i])"),
            ("cloglog", "p", "binomial(m[i], p[i])"),
            ("log", "mu", "poisson(mu[i])"),
            ("log", "mean", "gamma(mean[i], shape)"),
            ("log", "mu", "negative_binomial(mu[i], size)"),
        )
    ),
    Equation("18, ordered", """
y[i] ~ ordered_logit(eta[i], cut)
eta[i] = b1*x[i] + u[j]
u[j] ~ normal(0, sd_u)
""", "eta[i]", (
        fixed("b1", "x[i]", at="i", lines=(2,), may=(1,)),
        random("u[j]", at="j", lines=(2,), may=(1, 3)),
    )),
    Equation("18, categorical", """
index c = party
party[i] ~ categorical(eta[i,c])
eta[i,c] = a[c] + b[c]*x[i] + u[j,c]
a[c] ~ flat(ref = "Labour")
b[c] ~ flat(ref = "Labour")
u[j,c] ~ normal(0, sd_u[c])
sd_u[c] ~ flat()
""", "eta[i,c]", (
        fixed("a[c]", at="c", lines=(3,), may=(2, 4)),
        fixed("b[c]", "x[i]", at="i", lines=(3,), may=(2, 5)),
        random("u[j,c]", at="j,c", lines=(3,), may=(2, 6)),
    )),
    Equation("case study", """
# party.hm - party identification in Western Europe: voters in districts in elections
index j = district
index k = election

vote[i,j,k] ~ bernoulli(p[i,j,k])
logit(p[i,j,k]) = beta0[j,k] + b_age*age[i] + b_female*female[i] + b_income[income] + b_town[town]

b_income[income] ~ flat(ref = "1")
b_town[town]     ~ flat(ref = "Rural")

beta0[j,k] ~ normal(beta0[k] + b_seats*seats[j,k], sd_d)
beta0[k]   ~ normal(beta0 + b_parties*parties[k], sd_e)
""", "logit(p[i])", (
        fixed("beta0", lines=(6, 11, 12), may=(5,)),
        fixed("b_age", "age[i]", at="i", lines=(6,), may=(5,)),
        fixed("b_female", "female[i]", at="i", lines=(6,), may=(5,)),
        fixed("b_income[income]", at="income", lines=(6,), may=(5, 8)),
        fixed("b_town[town]", at="town", lines=(6,), may=(5, 9)),
        fixed("b_seats", "seats[j,k]", at="j,k", lines=(6, 11), may=(5,)),
        fixed("b_parties", "parties[k]", at="k", lines=(6, 11, 12), may=(5,)),
        random("beta0[j,k]", at="j,k", lines=(6,), may=(5, 11)),
        random("beta0[k]", at="k", lines=(6, 11), may=(5, 12)),
    )),
)
# fmt: on
