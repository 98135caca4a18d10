"""What is written for each system, and what is refused, without running it."""

from __future__ import annotations

import ast
import dataclasses
import re

import pytest

import hdsl
from hdsl.bridge import TARGETS, export, stan_data
from hdsl.bridge.parts import READ
from hdsl.diagnostics import ModelError
from tests.unit.bridge.models import GENERALISED, MODELS, TIED
from tests.unit.bridge.studies import STUDIES, mixed_bag, model_path


def call(text: str) -> str:
    """The call of an R script on one line."""
    return " ".join(text[text.index("fit <- ") :].split("summary(fit)", maxsplit=1)[0].split())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", MODELS)
def test_every_target_says_every_plain_model(target: str, name: str) -> None:
    text = export(hdsl.Model(MODELS[name]), target, mixed_bag())
    assert text.endswith("\n")
    if target == "pymc":
        ast.parse(text)


@pytest.mark.parametrize(
    ("name", "lme4", "glmmTMB"),
    [
        ("independent", "y ~ 1 + x + (1 + x || g)", "y ~ 1 + x + diag(1 + x | g)"),
        ("joint", "y ~ 1 + z + x + (1 + x | g)", "y ~ 1 + z + x + (1 + x | g)"),
        ("sets", "y ~ 1 + f + q + x + f:q + x:f + (1 | g) + (1 | h)", None),
        ("no intercept", "y ~ 0 + f + I(x - 1):on + (1 | g:h)", None),
        ("offset", "y ~ 1 + offset(x_offset) + (1 | g)", None),
        ("shared coefficient", "y ~ 1 + x_b + (1 | g)", None),
        ("transformed", "log(w) ~ 1 + I(x^2) + (1 | g)", None),
        ("numbers as groups", "y ~ 1 + q + (1 | q_factor)", None),
    ],
)
def test_formulas_are_what_one_would_write(name: str, lme4: str, glmmTMB: str | None) -> None:
    model = hdsl.Model(MODELS[name])
    data = mixed_bag()
    assert call(export(model, "lme4", data)).replace("( ", "(").startswith(f"fit <- lmer({lme4}, data = d")
    assert (glmmTMB or lme4) in call(export(model, "glmmTMB", data))


def test_restricted_likelihood_is_asked_for() -> None:
    model = hdsl.Model(MODELS["joint"])
    assert "REML = TRUE" in export(model, "lme4", method="reml")
    assert "REML = FALSE" in export(model, "lme4")
    for target in ("brms", "stan", "pymc"):
        with pytest.raises(ModelError, match="HM014"):
            export(model, target, method="reml")


def test_references_become_first_levels() -> None:
    text = export(hdsl.Model(MODELS["sets"]), "lme4", mixed_bag())
    assert 'd$f <- relevel(d$f, ref = "b")' in text
    assert 'd$q <- relevel(d$q, ref = "2")' in text


def test_definitions_are_prepared_before_columns_become_factors() -> None:
    text = export(hdsl.Model(MODELS["aggregates"]), "lme4", mixed_bag())
    lines = text.splitlines()
    assert "d$zbar <- ave(each_once(d$z, d$g), d$k, FUN = function(v) mean(v, na.rm = TRUE))" in lines
    assert "d$xsd <- sd(d$x, na.rm = TRUE)" in lines
    assert lines.index("d$g <- factor(d$g)") > max(k for k, line in enumerate(lines) if " <- ave(" in line)


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("bernoulli", "lme4", 'fit <- glmer(b ~ 1 + x + (1 | g), data = d, family = binomial("logit"))'),
        ("bernoulli", "brms", 'fit <- brm(b ~ 1 + x + (1 | g), data = d, family = bernoulli("logit"))'),
        (
            "binomial",
            "lme4",
            'fit <- glmer(cbind(s, size - s) ~ 1 + x + (1 | g), data = d, family = binomial("logit"))',
        ),
        ("binomial", "brms", 'fit <- brm(s | trials(size) ~ 1 + x + (1 | g), data = d, family = binomial("logit"))'),
        (
            "poisson",
            "lme4",
            'fit <- glmer(c ~ 1 + x + offset(x_offset) + (1 | g), data = d, family = poisson("log"))',
        ),
    ],
)
def test_other_outcomes_have_their_family(name: str, target: str, expected: str) -> None:
    assert call(export(hdsl.Model(GENERALISED[name]), target)) == expected


@pytest.mark.parametrize(
    ("name", "stan", "pymc"),
    [
        ("bernoulli", "y ~ bernoulli(inv_logit(eta_p));", "pm.Bernoulli("),
        ("binomial", "y ~ binomial(known_size, inv_logit(eta_p));", "pm.Binomial("),
        ("poisson", "y ~ poisson(exp(eta_mean));", "pm.Poisson("),
    ],
)
def test_other_outcomes_have_their_density(name: str, stan: str, pymc: str) -> None:
    model = hdsl.Model(GENERALISED[name])
    program = export(model, "stan")
    assert stan in program
    assert re.search(r"array\[N\] int<lower=0(, upper=1)?> y;", program)
    assert pymc in export(model, "pymc")


def test_an_equation_for_the_spread_is_a_second_formula() -> None:
    model = hdsl.Model(
        "y[i] ~ normal(b0 + b1*x[i] + u[g], sd[i])\nlog(sd[i]) = s0 + s1*t[i]\nu[g] ~ normal(0, s)",
    )
    assert "bf(y ~ 1 + x + (1 | g), sigma ~ 1 + t)" in call(export(model, "brms"))
    assert 'link_sigma = "log"' in call(export(model, "brms"))
    assert "dispformula = ~ 1 + t" in call(export(model, "glmmTMB"))
    assert "y ~ normal(eta_mean, exp(eta_sd));" in export(model, "stan")
    assert "sigma=pt.exp(eta_sd)" in export(model, "pymc")
    with pytest.raises(ModelError, match="lme4 cannot say an equation for the sd"):
        export(model, "lme4")


def test_a_known_spread_is_said_where_it_can_be() -> None:
    model = hdsl.Model("y[i] ~ normal(theta + u[g], se[i])\nu[g] ~ normal(0, tau)")
    assert "y | se(se) ~ 1 + (1 | g)" in call(export(model, "brms"))
    assert "y ~ normal(eta_mean, known_sd);" in export(model, "stan")
    for target in ("lme4", "glmmTMB"):
        with pytest.raises(ModelError, match="cannot say a known standard deviation"):
            export(model, target)


@pytest.mark.parametrize(
    ("text", "targets", "line", "words"),
    [
        (TIED, ("lme4", "glmmTMB", "brms"), 3, "a standard deviation that is shared (`s`)"),
        (
            'y[i] ~ normal(bf[f] + u[g], sd)\nbf[f] ~ flat(ref = "b")\nu[g] ~ normal(0, s)',
            ("lme4", "glmmTMB", "brms"),
            2,
            "zero at its reference",
        ),
        (
            "y[i] ~ gamma(mu[i], a)\nlog(mu[i]) = b0 + u[g]\nu[g] ~ normal(0, s)",
            ("lme4",),
            1,
            "the distribution `gamma`",
        ),
        (
            "y[i] ~ bernoulli(p[i])\nidentity(p[i]) = b0 + u[g]\nu[g] ~ normal(0, s)",
            ("glmmTMB",),
            1,
            "the link `identity`",
        ),
        ("y[i] ~ normal(b0 + u[g], sd)\nu[g] ~ student_t(4, 0, s)", tuple(TARGETS), 2, "student_t"),
        ("y[i] ~ normal(b0 + u[g], sd)\nu[g] ~ normal(0, s)\nb0 ~ normal(0, 10)", tuple(TARGETS), 3, "a prior"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_statement(
    text: str, targets: tuple[str, ...], line: int, words: str
) -> None:
    model = hdsl.Model(text)
    for target in TARGETS:
        if target not in targets:
            assert export(model, target)
            continue
        with pytest.raises(ModelError) as caught:
            export(model, target)
        assert caught.value.code == "HM014"
        assert words in caught.value.message
        assert TARGETS[target] in caught.value.message
        assert caught.value.help
        assert caught.value.span is not None
        assert caught.value.span.line == line


def test_unknown_targets_and_methods_are_wrong_arguments() -> None:
    model = hdsl.Model(MODELS["joint"])
    with pytest.raises(ValueError, match="to must be"):
        export(model, "sas")
    with pytest.raises(ValueError, match="method must be"):
        export(model, "lme4", method="bayes")


@pytest.mark.parametrize("record", READ, ids=lambda record: record.__name__)
def test_every_field_of_the_form_is_read(record: type) -> None:
    """A form that has grown must not be written short: read the new field, or refuse it, then list it."""
    unread = {item.name for item in dataclasses.fields(record)} - set(READ[record])
    assert not unread


@pytest.mark.parametrize("study", STUDIES)
def test_stan_programs_have_their_data(study: str) -> None:
    model = hdsl.read(model_path(study))
    program = export(model, "stan", STUDIES[study])
    declared = re.findall(r"(\w+);", program[program.index("data {") : program.index("\n}")])
    values = stan_data(model, STUDIES[study])
    assert set(values) == set(declared)
    n = values["N"]
    for name, value in values.items():
        if isinstance(value, list):
            assert len(value) == n, name


def test_stan_data_code_labels_that_are_zero_by_one() -> None:
    model = hdsl.Model(MODELS["sets"])
    data = mixed_bag()
    values = stan_data(model, data)
    assert values["K_bf"] == 2
    codes = dict(zip(data.f, values["code_bf"], strict=True))  # type: ignore[arg-type]
    assert codes == {"a": 2, "b": 1, "c": 3}


def test_stan_programs_open_and_close_their_blocks() -> None:
    for text in (*MODELS.values(), *GENERALISED.values(), TIED):
        program = export(hdsl.Model(text), "stan", None)
        code = "\n".join(line.split("//")[0] for line in program.splitlines())
        for opening, closing in ("{}", "()", "[]"):
            assert code.count(opening) == code.count(closing)
        order = [code.index(f"{block} {{") for block in ("data", "\nparameters", "model")]
        assert order == sorted(order)
        for line in code.splitlines():
            stripped = line.strip()
            assert not stripped or stripped.endswith((";", "{", "}", "=")) or line.startswith("    ")


def test_names_are_plain_words_of_the_target() -> None:
    model = hdsl.Model(
        'data β1[i] = "an odd\\nname"\ny[i] ~ normal(β0 + real*β1[i] + lambda*x[i] + u[if], σ)\nu[if] ~ normal(0, τ)'
    )
    program = export(model, "stan")
    assert "real beta0;" in program
    assert "real real_2;" in program
    assert "real<lower=0> sigma;" in program
    ast.parse(export(model, "pymc"))
    assert "(1 | `if`)" in export(model, "lme4")


def test_strings_of_the_model_stay_strings() -> None:
    label = 'a"); system("rm x") #'
    escaped = label.replace('"', '\\"')
    text = f'd1[i] = f[i] == "{escaped}"\ny[i] ~ normal(b0 + b1*d1[i] + u[g], sd)\nu[g] ~ normal(0, s)'
    model = hdsl.Model(text)
    script = export(model, "pymc")
    constants = {node.value for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Constant)}
    assert label in constants
    assert '"a\\"); system(\\"rm x\\") #"' in export(model, "lme4")


def test_several_files_are_joined() -> None:
    model = hdsl.read(model_path("hsb"))
    r = export(model, "lme4", STUDIES["hsb"])
    assert re.search(r'd <- join\(d, read.csv\(".*schools.csv".*\), c\("school"\)\)', r)
    assert re.search(
        r'd = join\(d, pd.read_csv\(".*schools.csv".*\), \["school"\]\)', export(model, "pymc", STUDIES["hsb"])
    )
    assert '"data.csv"' in export(model, "lme4")
