"""How the names of a reference fit are called in the model file, written by hand from the two.

Each `Model` also gives the columns of the design matrices, so that a density can be computed without hdsl.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

Column = Callable[[pd.DataFrame], "pd.Series | np.ndarray | float"]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A random effect: its covariate's name in R, its symbol, the name of its standard deviation, its covariate."""

    r_name: str
    symbol: str
    sd: str
    column: Column


@dataclass(frozen=True, kw_only=True)
class Block:
    """Correlated random effects of one grouping factor, which R calls `group` (``a:b`` for an intersection)."""

    group: str
    effects: tuple[Effect, ...]
    renamed: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The grouping columns, in R's order."""
        return self.group.split(":")

    @property
    def indices(self) -> list[str]:
        """The indices that run over `columns`; where they are not `renamed`, they bear the columns' names."""
        return list(self.renamed or self.columns)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model file: its outcome, its fixed effects by R's name, its random effects, its residual."""

    file: str
    outcome: str
    fixed: Mapping[str, tuple[str, Column]]
    blocks: tuple[Block, ...]
    sigma: str = "sd_e"


def one(_: pd.DataFrame) -> float:
    return 1.0


def col(name: str) -> Column:
    return lambda d: d[name]


def equals(name: str, value: str) -> Column:
    return lambda d: (d[name].astype(str) == value).astype(float)


def times(*columns: Column) -> Column:
    def product(d: pd.DataFrame) -> np.ndarray:
        return np.prod([np.broadcast_to(column(d), len(d)) for column in columns], axis=0)

    return product


def single(group: str, symbol: str, sd: str) -> Block:
    """A varying intercept."""
    return Block(group=group, effects=(Effect(r_name="(Intercept)", symbol=symbol, sd=sd, column=one),))


def joint(group: str, *effects: tuple[str, str, Column], renamed: tuple[str, ...] = ()) -> Block:
    """Effects under a covariance matrix of their own, which gives their standard deviations their names."""
    return Block(
        group=group,
        effects=tuple(Effect(r_name=r, symbol=symbol, sd=f"sd({symbol})", column=c) for r, symbol, c in effects),
        renamed=renamed,
    )


# The orthonormal polynomials on six equally spaced points, from their published integer values.
POLYNOMIALS = {
    ".L": (-5, -3, -1, 1, 3, 5),
    ".Q": (5, -1, -4, -4, -1, 5),
    ".C": (-5, 7, 4, -4, -7, 5),
    "^4": (1, -3, 2, 2, -3, 1),
    "^5": (-1, 5, -10, 10, -5, 1),
}


def polynomial(degree: str) -> Column:
    values = np.array(POLYNOMIALS[degree]) / np.linalg.norm(POLYNOMIALS[degree])
    return lambda d: values[((d["temp"] - 175) // 10).to_numpy().astype(int)]


def cake_poly() -> dict[str, tuple[str, Column]]:
    """Columns of ``recipe * temperature``, temperature with polynomial contrasts."""
    fixed: dict[str, tuple[str, Column]] = {"(Intercept)": ("m0", one)}
    fixed |= {f"recipe{r}": (f"d0[{r}]", equals("recipe", r)) for r in "BC"}
    for k, degree in enumerate(POLYNOMIALS, start=1):
        fixed[f"temperature{degree}"] = (f"m{k}", polynomial(degree))
        for r in "BC":
            fixed[f"recipe{r}:temperature{degree}"] = (f"d{k}[{r}]", times(equals("recipe", r), polynomial(degree)))
    return fixed


CAKE_TEMP = {
    "(Intercept)": ("b0", one),
    "recipeB": ("b_recipe[B]", equals("recipe", "B")),
    "recipeC": ("b_recipe[C]", equals("recipe", "C")),
    "temp": ("b_temp", col("temp")),
}
MIX = single("recipe:replicate", "u[recipe,replicate]", "sd_mix")
SLEEP = {"(Intercept)": ("b0", one), "Days": ("b1", col("Days"))}
CATHOLIC = equals("sector", "Catholic")
GIRL = equals("Sex", "Female")
MALE = equals("female", "Male")
SEX = {
    "(Intercept)": ("g00", one),
    "year": ("g10", col("year")),
    "femaleMale": ("g02", MALE),
    "lowinc": ("g01", col("lowinc")),
    "year:femaleMale": ("g12", times(col("year"), MALE)),
    "year:lowinc": ("g11", times(col("year"), col("lowinc"))),
    "femaleMale:lowinc": ("g03", times(MALE, col("lowinc"))),
    "year:femaleMale:lowinc": ("g13", times(col("year"), MALE, col("lowinc"))),
}
CHILD_LINE = joint("childid", ("(Intercept)", "r0[c]", one), ("year", "r1[c]", col("year")))
HOMEWORK, EXPERIENCE, RESOURCES = col("homework"), col("experience"), col("resources")
SCHOOL_LINE = joint("school", ("(Intercept)", "u0[j]", one), ("standLRT", "u1[j]", col("standLRT")))

MODELS = (
    Model(
        file="dyestuff",
        outcome="Yield",
        fixed={"(Intercept)": ("mu", one)},
        blocks=(single("Batch", "m[b]", "sd_b"),),
    ),
    Model(
        file="sleepstudy_intercept",
        outcome="Reaction",
        fixed=SLEEP,
        blocks=(single("Subject", "b0[s]", "sd_b0"),),
    ),
    Model(
        file="sleepstudy_slope",
        outcome="Reaction",
        fixed=SLEEP,
        blocks=(joint("Subject", ("(Intercept)", "b0[s]", one), ("Days", "b1[s]", col("Days"))),),
    ),
    Model(
        file="sleepstudy_zerocorr",
        outcome="Reaction",
        fixed=SLEEP,
        blocks=(
            single("Subject", "b0[s]", "sd_b0"),
            Block(group="Subject", effects=(Effect(r_name="Days", symbol="b1[s]", sd="sd_b1", column=col("Days")),)),
        ),
    ),
    Model(
        file="penicillin",
        outcome="diameter",
        fixed={"(Intercept)": ("mu", one)},
        blocks=(single("plate", "u[plate]", "sd_plate"), single("sample", "v[sample]", "sd_sample")),
    ),
    Model(
        file="pastes_nested",
        outcome="strength",
        fixed={"(Intercept)": ("mu", one)},
        blocks=(single("cask:batch", "m[batch,cask]", "sd_cask"), single("batch", "m[batch]", "sd_batch")),
    ),
    Model(file="cake_temp", outcome="angle", fixed=CAKE_TEMP, blocks=(MIX,)),
    Model(
        file="cake_temp_replicate",
        outcome="angle",
        fixed=CAKE_TEMP,
        blocks=(MIX, single("replicate", "v[replicate]", "sd_rep")),
    ),
    Model(file="cake_poly", outcome="angle", fixed=cake_poly(), blocks=(MIX,)),
    Model(
        file="chem97_3level",
        outcome="score",
        fixed={"(Intercept)": ("b0", one), "gcsecnt": ("b1", col("gcsecnt"))},
        blocks=(single("school", "b0[j]", "sd_school"), single("lea", "b0[k]", "sd_lea")),
    ),
    Model(
        file="chem97_slope",
        outcome="score",
        fixed={
            "(Intercept)": ("b0", one),
            "gcsecnt": ("b1", col("gcsecnt")),
            "genderF": ("b_girl", equals("gender", "F")),
            "age": ("b_age", col("age")),
        },
        blocks=(
            joint("school", ("(Intercept)", "u0[j]", one), ("gcsecnt", "u1[j]", col("gcsecnt"))),
            single("lea", "b0[k]", "sd_lea"),
        ),
    ),
    Model(
        file="egsingle_uncond",
        outcome="math",
        fixed={"(Intercept)": ("b0", one), "year": ("b1", col("year"))},
        blocks=(
            joint("childid", ("(Intercept)", "b0[c]", one), ("year", "b1[c]", col("year"))),
            joint("schoolid", ("(Intercept)", "b0[s]", one), ("year", "b1[s]", col("year"))),
        ),
    ),
    Model(
        file="egsingle_growth",
        outcome="math",
        fixed={
            "(Intercept)": ("g00", one),
            "year": ("g10", col("year")),
            "lowinc": ("g01", col("lowinc")),
            "black1": ("b0_black", col("black")),
            "hispanic1": ("b0_hisp", col("hispanic")),
            "year:lowinc": ("g11", times(col("year"), col("lowinc"))),
            "year:black1": ("b1_black", times(col("year"), col("black"))),
            "year:hispanic1": ("b1_hisp", times(col("year"), col("hispanic"))),
        },
        blocks=(
            CHILD_LINE,
            joint("schoolid", ("(Intercept)", "u0[s]", one), ("year", "u1[s]", col("year"))),
        ),
    ),
    Model(
        file="egsingle_sex",
        outcome="math",
        fixed=SEX,
        blocks=(
            CHILD_LINE,
            joint(
                "schoolid",
                ("(Intercept)", "u0[s]", one),
                ("year", "v0[s]", col("year")),
                ("femaleMale", "u1[s]", MALE),
                ("year:femaleMale", "v1[s]", times(col("year"), MALE)),
            ),
        ),
    ),
    Model(
        file="egsingle_sex_zero",
        outcome="math",
        fixed=SEX,
        blocks=(
            CHILD_LINE,
            joint("schoolid", ("(Intercept)", "u0[s]", one), ("year", "v0[s]", col("year"))),
            Block(
                group="schoolid",
                effects=(Effect(r_name='as.numeric(female == "Male")', symbol="u1[s]", sd="sd_u1", column=MALE),),
            ),
        ),
    ),
    Model(
        file="exam_slope",
        outcome="normexam",
        fixed={
            "(Intercept)": ("b0", one),
            "standLRT": ("b1", col("standLRT")),
            "sexM": ("b_boy", equals("sex", "M")),
            "schgendboys": ("b_schgend[boys]", equals("schgend", "boys")),
            "schgendgirls": ("b_schgend[girls]", equals("schgend", "girls")),
        },
        blocks=(SCHOOL_LINE,),
    ),
    Model(
        file="exam_crosslevel",
        outcome="normexam",
        fixed={
            "(Intercept)": ("g00", one),
            "standLRT": ("g10", col("standLRT")),
            "schavg": ("g01", col("schavg")),
            "sexM": ("b_boy", equals("sex", "M")),
            "standLRT:schavg": ("g11", times(col("standLRT"), col("schavg"))),
        },
        blocks=(SCHOOL_LINE,),
    ),
    Model(
        file="hsb_null",
        outcome="mAch",
        fixed={"(Intercept)": ("g00", one)},
        blocks=(single("school", "b0[j]", "sd_b0"),),
    ),
    Model(
        file="hsb_meanses",
        outcome="mAch",
        fixed={"(Intercept)": ("g00", one), "meanses": ("g01", col("meanses"))},
        blocks=(single("school", "b0[j]", "sd_b0"),),
    ),
    Model(
        file="hsb_randomcoef",
        outcome="mAch",
        fixed={"(Intercept)": ("g00", one), "cses": ("g10", col("cses"))},
        blocks=(joint("school", ("(Intercept)", "u0[j]", one), ("cses", "u1[j]", col("cses"))),),
        sigma="sd_r",
    ),
    Model(
        file="hsb_slopes_as_outcomes",
        outcome="mAch",
        fixed={
            "(Intercept)": ("g00", one),
            "meanses": ("g01", col("meanses")),
            "cses": ("g10", col("cses")),
            "sectorCatholic": ("g02", CATHOLIC),
            "meanses:cses": ("g11", times(col("meanses"), col("cses"))),
            "cses:sectorCatholic": ("g12", times(col("cses"), CATHOLIC)),
        },
        blocks=(joint("school", ("(Intercept)", "u0[j]", one), ("cses", "u1[j]", col("cses"))),),
        sigma="sd_r",
    ),
    Model(
        file="insteval_service",
        outcome="y",
        fixed={"(Intercept)": ("b0", one), "service1": ("b_service", col("service"))},
        blocks=(
            single("s", "u[s]", "sd_student"),
            single("d", "v[d]", "sd_lecturer"),
            single("dept", "w[dept]", "sd_dept"),
        ),
    ),
    Model(
        file="insteval_dept_service",
        outcome="y",
        fixed={"(Intercept)": ("b0", one), "service1": ("b_service[1]", col("service"))},
        blocks=(
            single("s", "u[s]", "sd_student"),
            single("d", "v[d]", "sd_lecturer"),
            single("dept:service", "w[dept,service]", "sd_dept"),
        ),
    ),
    Model(
        file="orthodont_slope",
        outcome="distance",
        fixed={
            "(Intercept)": ("g00", one),
            "age": ("g10", col("age")),
            "SexFemale": ("g01", GIRL),
            "age:SexFemale": ("g11", times(col("age"), GIRL)),
        },
        blocks=(joint("Subject", ("(Intercept)", "u0[s]", one), ("age", "u1[s]", col("age"))),),
    ),
    Model(
        file="oxboys_linear",
        outcome="height",
        fixed={"(Intercept)": ("b0", one), "age": ("b1", col("age"))},
        blocks=(joint("Subject", ("(Intercept)", "b0[s]", one), ("age", "b1[s]", col("age"))),),
    ),
    Model(
        file="oxboys_quadratic",
        outcome="height",
        fixed={
            "(Intercept)": ("b0", one),
            "age": ("b1", col("age")),
            "I(age^2)": ("b2", times(col("age"), col("age"))),
        },
        blocks=(
            joint(
                "Subject",
                ("(Intercept)", "b0[s]", one),
                ("age", "b1[s]", col("age")),
                ("I(age^2)", "b2[s]", times(col("age"), col("age"))),
            ),
        ),
    ),
    Model(
        file="three_level",
        outcome="score",
        fixed={
            "(Intercept)": ("d000", one),
            "homework": ("d100", HOMEWORK),
            "experience": ("d010", EXPERIENCE),
            "resources": ("d001", RESOURCES),
            "homework:experience": ("d110", times(HOMEWORK, EXPERIENCE)),
            "homework:resources": ("d101", times(HOMEWORK, RESOURCES)),
            "experience:resources": ("d011", times(EXPERIENCE, RESOURCES)),
            "homework:experience:resources": ("d111", times(HOMEWORK, EXPERIENCE, RESOURCES)),
        },
        blocks=(
            joint(
                "class:school",
                ("(Intercept)", "u0[j,k]", one),
                ("homework", "u1[j,k]", HOMEWORK),
                renamed=("j", "k"),
            ),
            joint(
                "school",
                ("(Intercept)", "v00[k]", one),
                ("homework", "v10[k]", HOMEWORK),
                ("experience", "v01[k]", EXPERIENCE),
                ("homework:experience", "v11[k]", times(HOMEWORK, EXPERIENCE)),
            ),
        ),
    ),
)

# Reference fits by the model that they are of; a fit that is not here bears its model's name and its method.
OTHERS = {
    "dyestuff2_ml": "dyestuff",
    "dyestuff2_reml": "dyestuff",
    "cake_temp_ml": "cake_temp_replicate",
    "insteval_service_reml": "insteval_dept_service",
}


def model_of(reference: str) -> Model:
    """Return the model that a reference fit is of."""
    file = OTHERS.get(reference, reference.rsplit("_", 1)[0])
    return next(model for model in MODELS if model.file == file)
