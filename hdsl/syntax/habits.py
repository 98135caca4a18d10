"""What people write who come from other languages, and what to write here instead: data, no code.

Habits are found by example: each row's snippets are parsed once, and an error in the same state of the parser on the
same token is the same mistake. In the templates, ``{token}`` is the offending text, ``{before}`` the token before it,
``{name}`` the first word of the statement, and ``{left}`` what stands before the first ``~`` or ``=`` of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hdsl.families import DISTRIBUTIONS, WRAPPERS

__all__ = ["HABITS", "KEYWORDS", "Habit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """One habit: its message and help, and snippets whose first error shows it.

    `words`, where given, must contain one of the words of the statement up to the error.
    """

    code: str
    message: str
    label: str
    help: str
    snippets: tuple[str, ...]
    words: frozenset[str] = frozenset()


_FORMULA_HELP = (
    "write the equation with its subscripts: `y[i] ~ normal(b0[g] + b1*x[i], sd)`, "
    "and for `(1 | g)` a second one: `b0[g] ~ normal(b0, sd_g)`"
)

HABITS: tuple[Habit, ...] = (
    Habit(
        code="HM004",
        message="there are no loops: write the statement once, with its subscripts",
        label="a subscript does this",
        help="write the statement that stands in the loop once, with its subscripts: `y[i] ~ normal(mu[i], sd)`",
        snippets=(
            "for (i in 1:N) {",
            "for i in groups:",
            "for (i",
            "for ((",
            "while (a < b) {",
            "while (1) {",
            "while a",
        ),
        words=frozenset({"for", "while"}),
    ),
    Habit(
        code="HM004",
        message="there are no blocks: write the statements alone",
        label="not a statement",
        help="write the statements alone, in any order: what is data and what a parameter follows from their use",
        snippets=("model {", "generated quantities {", "transformed data {", "model:", "transformed parameters {"),
        words=frozenset({"model", "parameters", "generated", "transformed", "functions"}),
    ),
    Habit(
        code="HM004",
        message="variables are not declared with a type: leave the line out",
        label="a type, not a statement",
        help="leave the line out: a parameter's range follows from where it stands",
        snippets=("real a", "real<lower=0> s", "vector[n] b", "array[n] real y", "matrix[n,m] x"),
        words=frozenset(
            {"real", "int", "vector", "matrix", "array", "var", "let", "const", "cov_matrix", "corr_matrix"}
        ),
    ),
    Habit(
        code="HM004",
        message="a model file has no commands: leave the line out",
        label="not a statement",
        help="fit from the command line (`hdsl fit model.hm data.csv`) or from Python (`hdsl.read(path).fit(frame)`)",
        snippets=("import numpy", "library(lme4)", "fit()", "print(b, c)", "from x", "fit(2)", 'read("a.csv")'),
        words=frozenset({"import", "library", "require", "from", "print", "fit", "read", "summary"}),
    ),
    Habit(
        code="HM004",
        message="there are no branches: a comparison is 0 or 1, so multiply by it",
        label="not a statement",
        help="write `a*(x[i] > 0) + b*(x[i] <= 0)`",
        snippets=("if (a > 0) {", "if (a == 1) b", "if a", "else {", "if (a) b"),
        words=frozenset({"if", "else"}),
    ),
    Habit(
        code="HM004",
        message="the log-density is not added to: write `y[i] ~ ..` for the outcome",
        label="not part of the language",
        help="say how the outcome is distributed: `y[i] ~ normal(mu[i], sd)`",
        snippets=("target += x",),
        words=frozenset({"target"}),
    ),
    Habit(
        code="HM001",
        message="`{before}` needs its arguments in parentheses",
        label="`(` expected here",
        help="write `{before}(..)`; without arguments, `{before}()`",
        snippets=("y ~ flat", "y ~ flat + b", "y ~ normal[i]", "(a, b) ~ mvnormal", "(a, b) ~ mvnormal[i]"),
        words=frozenset(DISTRIBUTIONS) | frozenset(WRAPPERS),
    ),
    Habit(
        code="HM005",
        message="after `~` stands a distribution, `normal(b0 + .., sd)`, not a formula",
        label="this belongs to a formula",
        help=_FORMULA_HELP,
        snippets=(
            "y ~ x + b",
            "y ~ x - b",
            "y ~ x*b",
            "y ~ x/b",
            "y ~ x^2",
            "y ~ x:z",
            "y ~ x|z",
            "y ~ x",
            "y ~ 1",
            "y ~ (1|g)",
            "y ~ -1",
            "y ~ +x",
            "y ~ x[i]",
            "y ~ x z",
            "y ~ .",
            "(a, b) ~ x",
            "(a, b) ~ x + z",
            "(a, b) ~ x[i]",
            "(a, b) ~ 1",
            "(a, b) ~ (1|g)",
        ),
    ),
    Habit(
        code="HM001",
        message="after `~` stands a distribution: write `{left} ~ normal(.., sd)`",
        label="a distribution expected here",
        help="write, for example, `{left} ~ normal(0, sd)`",
        snippets=('y ~ "a"', '(a, b) ~ "a"', "y ~ = x", "y ~ ~ x", "y ~", "y ~ ,", "y ~ *", "(a, b) ~"),
    ),
    Habit(
        code="HM001",
        message="bounds are written around the distribution: `truncated(.., lower=0)`",
        label="not after the distribution",
        help="write `{left} ~ truncated(normal(mu[i], sd), lower=0)`",
        snippets=("y ~ normal(a, b) T(0,)", "y ~ normal(a, b) I(0,)", "y ~ normal(a, b) truncated"),
        words=frozenset({"T", "I", "truncated", "C"}),
    ),
    Habit(
        code="HM001",
        message="nothing may follow a distribution: put the terms into its arguments",
        label="the statement is complete before this",
        help="put the terms into the arguments: `{left} ~ normal(mu[i] + b, sd)`",
        snippets=(
            "y ~ normal(a, b) + c",
            "y ~ normal(a, b) - c",
            "y ~ normal(a, b) * c",
            "y ~ normal(a, b) / c",
            "y ~ normal(a, b) ^ c",
            "y ~ normal(a, b) c",
            "y ~ normal(a, b)[i]",
            "y ~ normal(a, b) (c)",
            "y ~ normal(a, b) = c",
            "y ~ normal(a, b) ~ c",
            "y ~ normal(a, b), c",
            "y ~ normal(a, b) 2",
            "y ~ normal(a, b) in k",
        ),
    ),
    Habit(
        code="HM004",
        message="an assignment is written `=`: write `{left} = ..`",
        label="`=` expected here",
        help="write `{left} = ..`; for a distribution, `{left} ~ ..`",
        snippets=("y <- 1", "y[i] <- 1", "log(y) <- 1", "log(y[i]) <- 1", "y := 1", "y[i] := 1", "log(y) := 1"),
        words=frozenset({"<", "<=", ":="}),
    ),
    Habit(
        code="HM004",
        message="`{token}` compares; a statement needs `=` or `~`",
        label="`=` or `~` expected here",
        help="write `{left} = ..` for a definition, `{left} ~ ..` for a distribution",
        snippets=("y == 1", "y[i] == 1", "log(y) == 1", "log(y[i]) == 1"),
    ),
    Habit(
        code="HM001",
        message="a subscript is the name of an index, not a number: write `{before_bracket}[i]`",
        label="a number cannot be an index",
        help="write an index name, `{before_bracket}[i]`; a value at one place is given by data: `(t[i] == 1)`",
        snippets=("y[1]", "a = b[1]", "a = b[i,1]", "y[i,1]", "y[1:N]"),
    ),
    Habit(
        code="HM001",
        message="a subscript has no arithmetic: make the shifted value a column of the data",
        label="no arithmetic here",
        help="for the value before or after in time, put it into the data as a column of its own",
        snippets=(
            "y[i+1]",
            "y[i-1]",
            "a = b[i+1]",
            "a = b[i*2]",
            "a = b[-i]",
            "y[i/2]",
            "y[-1]",
            "a = b[i^2]",
            "y[i == 1]",
        ),
    ),
    Habit(
        code="HM001",
        message="subscripts stand in one pair of brackets: write `x[i,j]`, not `x[i][j]`",
        label="a second pair",
        help="write `x[i,j]`, not `x[i][j]`; the order of subscripts does not matter",
        snippets=("y[i][j]", "a = b[i][j]", "log(y[i][j]", "data x[i][j]"),
    ),
    Habit(
        code="HM001",
        message="a subscript is a plain name, `b[j]`: the data say which group a row is in",
        label="only names and commas here",
        help="write `b[j]` with `index j = school`; the data say which school a row is in",
        snippets=("y[i(j)]", "a = b[g[i]]", "y[g[i]]", 'a = b["x"]', 'y["x"]', "a = b[(i)]", "y[(i)]"),
    ),
    Habit(
        code="HM003",
        message="subscripts stand in square brackets, not in braces",
        label="`[` expected here",
        help="write `beta0[j]` for a coefficient of `j`, `beta0` for a single one",
        snippets=("y{i} = 3", "a = y{i}", "a = f(y{i})", "data x{i}", "y ~ x{i}"),
    ),
    Habit(
        code="HM208",
        message="an index runs over one column: declare one for each (no multiple membership)",
        label="a second column",
        help="declare an index for each column, as two different things: `index h = home`, `index a = away`",
        snippets=(
            "index j = a, b",
            'index j = "a", b',
            "index j = a & b",
            "index j = a | b",
            "index j = (a, b)",
        ),
    ),
    Habit(
        code="HM001",
        message="an index is missing between the brackets: write `b[j]`, or `b` alone",
        label="a name expected here",
        help="write `b[j]`, or leave the brackets out for a single number: `b`",
        snippets=("y[]", "a = b[]", "a = b[i,]", "y[i,]", "a = b[,i]", "y[,i]"),
    ),
    Habit(
        code="HM001",
        message="subscripts are separated by commas: write `b[i,j]`",
        label="`,` expected here",
        help="write `b[i,j]`",
        snippets=("y[i j]", "a = b[i j]", "y[i:j]", "a = b[i:j]", "y[i;j]", "a = b[i;j]", "y[i|j]", "a = b[i|j]"),
    ),
    Habit(
        code="HM001",
        message="only a name takes subscripts: define the value first, `z[i] = ..`",
        label="no subscripts here",
        help="give the value a name: `z[i] = ..`, and use `z[i]`",
        snippets=("a = f(x)[i]", "a = (b)[i]", "a = 2[i]", "f(x)[i] = 2", 'a = "b"[i]'),
    ),
    Habit(
        code="HM001",
        message="comparisons do not chain: multiply two of them",
        label="a second comparison",
        help="multiply two of them: `(0 < x[i])*(x[i] < 1)`",
        snippets=("a = 0 < b < 1", "a = f(0 < b < 1)"),
    ),
    Habit(
        code="HM001",
        message="an argument is written `name = value`; a comparison is written `==`",
        label="not expected in an argument",
        help="write `name = value`; a comparison is written `==`",
        snippets=(
            "a = f(b[i] = 1)",
            "a = f(2 = 1)",
            "a = f(b = c = 1)",
            "a = f(b + c = 1)",
            "a = f((b) = 1)",
            "a = f(g(b) = 1)",
        ),
    ),
    Habit(
        code="HM001",
        message="a statement has one `=` or `~`: write two statements",
        label="a second one",
        help="write two statements, one a line; a comparison is written `==`",
        snippets=(
            "a = b = c",
            "a = b[i] = c",
            "a = 2 = c",
            "a = (b) = c",
            "a = f(b) = c",
            "a = b ~ c",
            "a = 2 ~ c",
            "a = b[i] ~ c",
            "a = (b) ~ c",
            "a = f(b) ~ c",
            "a = b + c = d",
            "a = b + c ~ d",
            "a = ~ b",
            "a = = b",
        ),
    ),
    Habit(
        code="HM001",
        message="an operator or a comma is missing before `{token}`",
        label="two values side by side",
        help="a product needs its `*`: `b1*x[i]`; arguments need a comma between them",
        snippets=(
            *(
                f"a = {first} {second}"
                for first in ("b", "b[i]", "2", "(b)", "f(b)", '"b"')
                for second in ("c", "2", '"c"', "(c)")
                if (first, second) != ("b", "(c)")
            ),
            *("a = f(b c)", "a = f(b 2)", 'a = f(b "c")', "y ~ n(b c)", "y ~ n(b 2)", 'y ~ n(b "c")'),
        ),
    ),
    Habit(
        code="HM004",
        message="a line cannot start so: to go on, end the line before with `{token}`",
        label="a statement cannot start so",
        help="end the line before with `{token}`, or put the whole right side in parentheses",
        snippets=("+ b", "* b", "/ b", "^ b", "== b", ", b", "= b"),
    ),
    Habit(
        code="HM004",
        message="the left side is one symbol or a link of one: define `z[i] = -y[i]` first",
        label="not a left side",
        help="to model the negative of a quantity, define it: `z[i] = -y[i]`, then `z[i] ~ ..`",
        snippets=("- b", "-y[i] ~ normal(0, 1)"),
    ),
    Habit(
        code="HM004",
        message="a statement starts with a name, not with `{token}`",
        label="a name expected here",
        help="the left side is one symbol, `y[i]`, or a link of one, `log(y[i])`; a comment starts with `#`",
        snippets=("2*y", '"y" ~ normal(0, 1)', "~ normal(0, 1)", "[i]"),
    ),
    Habit(
        code="HM004",
        message="the left side is one symbol or a link of one: name the quantity first",
        label="more than a symbol",
        help="give the quantity a name first: `z[i] = y[i] + 1`, then `z[i] ~ ..`",
        snippets=(
            *(f"{left} {operator} b = c" for left in ("y", "y[i]", "log(y)") for operator in "+-*/^"),
            *(
                f"log({left} {operator} 1) = c"
                for left in ("y", "y[i]")
                for operator in ("+", "-", "*", "/", "^", "==", ",")
            ),
            "log(2*y) = c",
            "log(-y) = c",
            "log((y)) = c",
            "log(log(y)) = c",
            "log() = c",
            "(y + z) ~ normal(0, 1)",
            "(y[i] + z[i]) ~ normal(0, 1)",
            "(y[i] - z[i]) ~ normal(0, 1)",
            "(2*y) ~ normal(0, 1)",
        ),
    ),
    Habit(
        code="HM004",
        message="several left sides stand in parentheses: `(u0[j], u1[j]) ~ ..`",
        label="`(u0[j], u1[j]) ~ ..`",
        help="write `(u0[j], u1[j]) ~ mvnormal(0, Omega)` for a joint statement, or one statement for each",
        snippets=("y, z ~ normal(0, 1)", "y[i], z[i] ~ normal(0, 1)", "log(y), z ~ normal(0, 1)"),
    ),
    Habit(
        code="HM004",
        message="parentheses on the left join several symbols: leave them out for one",
        label="a comma and a second symbol expected",
        help="write `u[j] ~ ..` for one symbol, `(u0[j], u1[j]) ~ mvnormal(0, Omega)` for two",
        snippets=("(y) ~ normal(0, 1)", "(y[i]) ~ normal(0, 1)"),
    ),
    Habit(
        code="HM004",
        message="a joint statement names symbols only and takes `~`: `(u0[j], u1[j]) ~ ..`",
        label="not expected in a joint statement",
        help="write `(u0[j], u1[j]) ~ mvnormal((m0, m1), Omega)`",
        snippets=(
            "(y, z) = 2",
            "(y, z)",
            "(y, 2) ~ n()",
            "(log(y), z) ~ n()",
            "(y, log(z)) ~ n()",
            "(y, z + 1) ~ n()",
            "(y[i], z[i]) z",
        ),
    ),
    Habit(
        code="HM004",
        message="`{left}` alone is not a statement: add `= ..` or `~ ..`",
        label="`=` or `~` expected here",
        help="write `{left} = ..` for a definition, `{left} ~ normal(..)` for a distribution",
        snippets=("y", "y[i]", "log(y)", "log(y[i])"),
    ),
    Habit(
        code="HM004",
        message="not a statement: add `=` or `~` before `{token}`",
        label="`=` or `~` expected here",
        help="write `name = ..`, `name ~ distribution(..)`, `index j = column` or `data x[i]`",
        snippets=(
            "y z",
            "y[i] z",
            "log(y) z",
            "y 2",
            "y[i] 2",
            'y "a"',
            "y[i] (a)",
            "log(y) (a)",
            'y[i] "a"',
            "log(y) 2",
            "log(y z",
            "log(2)",
            'log("a")',
        ),
    ),
    Habit(
        code="HM001",
        message='a column\'s name stands in double quotes here: write `"{token}"`',
        label='write `"{token}"`',
        help='write `data x[i] = "{token}"`',
        snippets=("data x = y", "data x[i] = y"),
    ),
)
"""Habits by example; the first row that fits counts."""

KEYWORDS: dict[str, Habit] = {
    "INDEX": Habit(
        code="HM001",
        message="an index statement is `index j = column`",
        label="not expected here",
        help="write `index j = district`, or `index j = district in k`; other column names stand in double quotes",
        snippets=("index j", "index j in k", "index j - a", "index j = factor(a)", "index j = a in", "index j[k] = a"),
    ),
    "DATA": Habit(
        code="HM001",
        message='a data statement is `data x[i]` or `data x[i] = "Some column"`',
        label="not expected here",
        help='write `data x[i]`, or `data x[i] = "Some column"`; one statement for each name',
        snippets=("data", "data x[i], y[i]", "data x[i] = 2", "data x ~ y", "data x(i)", 'data x[i] = "a" + b'),
    ),
}
"""What is said of a statement that starts with a reserved word, where no habit says more."""
