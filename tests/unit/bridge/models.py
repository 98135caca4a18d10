"""Small models that show one thing each, on the columns of `mixed_bag`."""

from __future__ import annotations

MODELS: dict[str, str] = {
    "independent": """
y[i] ~ normal(b0[g] + b1[g]*x[i], sd)
b0[g] ~ normal(b0, s0)
b1[g] ~ normal(b1, s1)
""",
    "joint": """
y[i] ~ normal(b0[g] + b1[g]*x[i], sd)
(b0[g], b1[g]) ~ mvnormal((b0 + b2*z[g], b1), Omega)
""",
    "sets": """
y[i] ~ normal(b0 + bf[f] + bq[q] + bfq[f,q] + bx[f]*x[i] + b1*x[i] + u[g] + v[h], sd)
bf[f] ~ flat(ref = "b")
bq[q] ~ flat(ref = "2")
bfq[f,q] ~ flat()
bx[f] ~ flat()
u[g] ~ normal(0, s)
v[h] ~ normal(0, s2)
""",
    "no intercept": """
y[i] ~ normal(bf[f] + b1*(x[i] - 1)*on[i] + u[g,h], sd)
bf[f] ~ flat()
u[g,h] ~ normal(0, s)
""",
    "aggregates": """
zbar[k] = mean(z[g])
xbar[g] = mean(x[i])
xsd = sd(x[i])
n[g] = count(x[i])
y[i] ~ normal(b0[g] + b1*(x[i] - xbar[g])/xsd + b2*(q[i] == 2) + b3*(f[i] == "a") + b4*(on[i] == "True"), sd)
b0[g] ~ normal(b0 + c1*xbar[g] + c2*zbar[k] + c3*n[g], s)
""",
    "offset": """
y[i] ~ normal(b0 + log(t[i]) - 2*x[i] + u[g], sd)
u[g] ~ normal(0, s)
""",
    "shared coefficient": """
y[i] ~ normal(b0 + b*x[i] + b*2*z[i] + u[g], sd)
u[g] ~ normal(0, s)
""",
    "transformed": """
log(w[i]) ~ normal(b0 + b*x[i]^2 + u[g], sd)
u[g] ~ normal(0, s)
""",
    "numbers as groups": """
y[i] ~ normal(b0 + b*q[i] + u[q], sd)
u[q] ~ normal(0, s)
""",
    "no groups": "y[i] ~ normal(b0 + b1*x[i], sd)",
}
"""Models that every target can say."""

TIED = """
y[i] ~ normal(b0 + u[g] + v[h], sd)
u[g] ~ normal(0, s)
v[h] ~ normal(0, s)
"""

GENERALISED: dict[str, str] = {
    "bernoulli": "b[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + b1*x[i] + u[g]\nu[g] ~ normal(0, s)",
    "binomial": "s[i] ~ binomial(size[i], p[i])\nlogit(p[i]) = b0 + b1*x[i] + u[g]\nu[g] ~ normal(0, s)",
    "poisson": "c[i] ~ poisson(mu[i])\nlog(mu[i]) = b0 + b1*x[i] + log(t[i]) + u[g]\nu[g] ~ normal(0, s)",
}
