# Fits every reference model with lme4 and writes what the tests compare with, a file each: lme4/<id>.json.
# Run in this folder: OPENBLAS_NUM_THREADS=1 Rscript make_reference.R [regular expression on ids]
# Each fit is the best of several optimizers at tight tolerances, polished, since lme4's default stops early on some.
suppressMessages({
  library(jsonlite)
  library(lme4)
})

# Factors by their levels in R's order; the first is the reference. Other factors sort as R sorts.
LEVELS <- list(
  Chem97 = list(gender = c("M", "F")),
  Exam = list(schgend = c("mixed", "boys", "girls"), sex = c("F", "M")),
  Hsb82 = list(sector = c("Public", "Catholic")),
  Orthodont = list(Sex = c("Male", "Female")),
  cake = list(temperature = c("175", "185", "195", "205", "215", "225")),
  Oxboys = list(Subject = as.character(1:26)))
FACTORS <- c("Batch", "Subject", "batch", "cask", "sample", "plate", "replicate", "recipe", "temperature", "school", "lea",
  "class", "s", "d", "dept", "service", "childid", "schoolid", "black", "hispanic", "female", "sector", "gender", "sex", "schgend", "Sex")

read_data <- function(path) {
  d <- read.csv(file.path("../..", path))
  name <- sub("\\.csv(\\.gz)?$", "", basename(path))
  for (v in intersect(names(d), FACTORS)) {
    given <- LEVELS[[name]][[v]]
    d[[v]] <- if (is.null(given)) factor(d[[v]]) else factor(as.character(d[[v]]), levels = given)
  }
  if (name == "cake") d$temperature <- factor(d$temperature, ordered = TRUE)
  d
}

OPTIMIZERS <- list(
  list("nloptwrap", list(xtol_abs = 1e-12, ftol_abs = 1e-14, ftol_rel = 1e-15, xtol_rel = 1e-12, maxeval = 1e5)),
  list("bobyqa", list(rhoend = 1e-9, maxfun = 1e5)),
  list("nlminbwrap", list(rel.tol = 1e-14, x.tol = 1e-12, iter.max = 2000, eval.max = 4000)))

fit_tight <- function(formula, data, REML, start = NULL, optimizer) {
  control <- lmerControl(optimizer = optimizer[[1]], optCtrl = optimizer[[2]], calc.derivs = FALSE)
  suppressWarnings(suppressMessages(lmer(formula, data, REML = REML, start = start, control = control)))
}

best_fit <- function(formula, data, REML) {
  fits <- lapply(OPTIMIZERS, function(o) fit_tight(formula, data, REML, optimizer = o))
  best <- fits[[which.max(vapply(fits, function(m) as.numeric(logLik(m)), 0))]]
  polished <- fit_tight(formula, data, REML, start = getME(best, "theta"), optimizer = OPTIMIZERS[[3]])
  if (as.numeric(logLik(polished)) > as.numeric(logLik(best))) polished else best
}

variance_components <- function(m) {
  v <- VarCorr(m)
  rows <- as.data.frame(v)
  group <- names(getME(m, "cnms"))[match(rows$grp, names(v))]
  rows$group <- ifelse(is.na(group), rows$grp, group)
  rows[, c("group", "var1", "var2", "sdcor")]
}

conditional_modes <- function(m, n = 6) {
  r <- as.data.frame(ranef(m, condVar = TRUE))
  first <- unlist(lapply(split(seq_len(nrow(r)), list(r$grpvar, r$term), drop = TRUE), head, n))
  r <- r[sort(first), ]
  data.frame(group = r$grpvar, level = as.character(r$grp), term = as.character(r$term), est = r$condval, sd = r$condsd)
}

reference <- function(id, path, formula, REML) {
  if (!grepl(PATTERN, id)) return(invisible())
  data <- read_data(path)
  m <- best_fit(formula, data, REML)
  fixed <- fixef(m)
  se <- sqrt(diag(as.matrix(vcov(m))))
  name <- sub("\\.csv(\\.gz)?$", "", basename(path))
  text <- paste(deparse(formula, width.cutoff = 500), collapse = " ")
  write_json(list(
    id = id, data = path,
    r_call = sprintf("lme4::lmer(%s, data = %s, REML = %s)", text, name, REML),
    package = paste("lme4", packageVersion("lme4")), R = as.character(getRversion()),
    method = if (REML) "REML" else "ML",
    n = nobs(m), n_groups = as.list(summary(m)$ngrps),
    logLik = as.numeric(logLik(m)), AIC = AIC(m), BIC = BIC(m), df_model = attr(logLik(m), "df"),
    fixef = setNames(lapply(seq_along(fixed), function(i) list(est = fixed[[i]], se = se[[i]])), names(fixed)),
    vcov_fixef = unname(as.matrix(vcov(m))),
    varcomp = variance_components(m), sigma = sigma(m), singular = isSingular(m), ranef = conditional_modes(m),
    fitted = unname(head(fitted(m), 10)), fitted_sum = sum(fitted(m)), fitted_sumsq = sum(fitted(m)^2),
    predict_population = unname(head(predict(m, re.form = NA), 10))),
    file.path("lme4", paste0(id, ".json")), auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null")
  cat(id, format(as.numeric(logLik(m)), digits = 12), "\n")
}

arguments <- commandArgs(TRUE)
PATTERN <- if (length(arguments)) arguments[1] else "."
here <- function(name) file.path("tests/reference/data", name)
there <- function(name) file.path("examples", name)
dir.create("lme4", showWarnings = FALSE)

sleepstudy <- there("sleepstudy/sleepstudy.csv")
reference("sleepstudy_slope_reml", sleepstudy, Reaction ~ Days + (Days | Subject), TRUE)
reference("sleepstudy_slope_ml", sleepstudy, Reaction ~ Days + (Days | Subject), FALSE)
reference("sleepstudy_zerocorr_reml", sleepstudy, Reaction ~ Days + (Days || Subject), TRUE)
reference("sleepstudy_zerocorr_ml", sleepstudy, Reaction ~ Days + (Days || Subject), FALSE)
reference("sleepstudy_intercept_reml", sleepstudy, Reaction ~ Days + (1 | Subject), TRUE)

for (REML in c(TRUE, FALSE)) {
  method <- if (REML) "reml" else "ml"
  reference(paste0("dyestuff_", method), here("Dyestuff.csv"), Yield ~ 1 + (1 | Batch), REML)
  reference(paste0("dyestuff2_", method), here("Dyestuff2.csv"), Yield ~ 1 + (1 | Batch), REML)
  reference(paste0("penicillin_", method), there("penicillin/penicillin.csv"), diameter ~ 1 + (1 | plate) + (1 | sample), REML)
  reference(paste0("pastes_nested_", method), there("pastes/pastes.csv"), strength ~ 1 + (1 | batch/cask), REML)
  reference(paste0("oxboys_quadratic_", method), here("Oxboys.csv"), height ~ age + I(age^2) + (age + I(age^2) | Subject), REML)
  reference(paste0("orthodont_slope_", method), here("Orthodont.csv"), distance ~ age * Sex + (age | Subject), REML)
  reference(paste0("exam_slope_", method), here("Exam.csv.gz"), normexam ~ standLRT + sex + schgend + (standLRT | school), REML)
  reference(paste0("hsb_slopes_as_outcomes_", method), here("Hsb82.csv.gz"), mAch ~ meanses * cses + sector * cses + (cses | school), REML)
  reference(paste0("egsingle_growth_", method), there("egsingle/egsingle.csv.gz"), math ~ year * (lowinc + black + hispanic) + (year | childid) + (year | schoolid), REML)
  reference(paste0("three_level_", method), there("three_level/pupils.csv.gz"), score ~ homework * experience * resources + (homework | class:school) + (homework * experience | school), REML)
}

reference("cake_poly_reml", here("cake.csv"), angle ~ recipe * temperature + (1 | recipe:replicate), TRUE)
reference("cake_temp_reml", here("cake.csv"), angle ~ recipe + temp + (1 | recipe:replicate), TRUE)
reference("cake_temp_ml", here("cake.csv"), angle ~ recipe + temp + (1 | replicate) + (1 | recipe:replicate), FALSE)
reference("oxboys_linear_ml", here("Oxboys.csv"), height ~ age + (age | Subject), FALSE)
reference("exam_crosslevel_ml", here("Exam.csv.gz"), normexam ~ standLRT * schavg + sex + (standLRT | school), FALSE)
reference("hsb_null_reml", here("Hsb82.csv.gz"), mAch ~ 1 + (1 | school), TRUE)
reference("hsb_meanses_reml", here("Hsb82.csv.gz"), mAch ~ meanses + (1 | school), TRUE)
reference("hsb_randomcoef_reml", here("Hsb82.csv.gz"), mAch ~ cses + (cses | school), TRUE)
reference("egsingle_uncond_ml", there("egsingle/egsingle.csv.gz"), math ~ year + (year | childid) + (year | schoolid), FALSE)
reference("egsingle_sex_reml", there("egsingle/egsingle.csv.gz"), math ~ year * female * lowinc + (year | childid) + (year * female | schoolid), TRUE)
reference("egsingle_sex_zero_ml", there("egsingle/egsingle.csv.gz"), math ~ year * female * lowinc + (year | childid) + (year | schoolid) + (0 + as.numeric(female == "Male") | schoolid), FALSE)
reference("chem97_3level_ml", here("Chem97.csv.gz"), score ~ gcsecnt + (1 | school) + (1 | lea), FALSE)
reference("chem97_slope_reml", here("Chem97.csv.gz"), score ~ gcsecnt + gender + age + (gcsecnt | school) + (1 | lea), TRUE)
reference("insteval_service_ml", there("insteval/insteval.csv.gz"), y ~ service + (1 | s) + (1 | d) + (1 | dept), FALSE)
reference("insteval_service_reml", there("insteval/insteval.csv.gz"), y ~ service + (1 | s) + (1 | d) + (1 | dept:service), TRUE)
