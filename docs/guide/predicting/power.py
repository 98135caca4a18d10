"""Power of a trial randomised by school, by simulation and in closed form."""

from math import sqrt

from scipy import stats

import hdsl

model = hdsl.read("docs/guide/predicting/trial.hm")
sd_school, sd_class, sd_pupil, effect = 0.5, 0.4, 1.0, 0.7
schools, classes, pupils = 20, 3, 10

found = model.power(
    {"mu": 0, "effect": effect, "sd_school": sd_school, "sd_class": sd_class, "sd_pupil": sd_pupil},
    sizes={"school": schools, "class": classes, "i": pupils},
    hypothesis="effect = 0",
    covariates={"treated": ("cycle", [0, 1])},
    n_simulations=250,
    seed=1,
)
print(found, end="\n\n")

mean = sd_school**2 + sd_class**2 / classes + sd_pupil**2 / (classes * pupils)
noncentrality = effect / sqrt(4 * mean / schools)
df = schools - 2
critical = stats.t.ppf(0.975, df)
exact = stats.nct.sf(critical, df, noncentrality) + stats.nct.cdf(-critical, df, noncentrality)
print(f"noncentral t with {df} degrees of freedom: {exact:.3f}")
