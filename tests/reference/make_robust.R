# Cluster-robust standard errors by clubSandwich for some reference models, and for them without a random part: robust.json.
# Run in this folder: OPENBLAS_NUM_THREADS=1 Rscript make_robust.R
# The models and their tight fits are those of make_reference.R. For each kind
# of each fixed effect [se, df], and of all but the intercept together [F, numerator df, denominator df].
suppressMessages({
  library(jsonlite)
  library(clubSandwich)
})
CLUSTERS <- c(hsb_slopes_as_outcomes_reml = "school", exam_slope_ml = "school", egsingle_growth_reml = "schoolid",
              orthodont_slope_reml = "Subject", pastes_nested_reml = "batch")
found <- list()

errors <- function(m, data, cluster) {
  kinds <- c("CR0", "CR1", "CR2")
  result <- lapply(kinds, function(kind) {
    V <- vcovCR(m, cluster = data[[cluster]], type = kind)
    t <- coef_test(m, V, test = "Satterthwaite")
    each <- setNames(lapply(seq_len(nrow(t)), function(i) c(t$SE[i], t$df_Satt[i])), names(estimates(m)))
    if (nrow(t) == 1) return(list(each = each))
    joint <- Wald_test(m, constraints = constrain_zero(2:nrow(t)), vcov = V, test = "HTZ")
    list(each = each, joint = c(joint$Fstat, joint$df_num, joint$df_denom))
  })
  setNames(result, kinds)
}
estimates <- function(m) if (inherits(m, "lm")) coef(m) else fixef(m)

write_robust <- function(id, path, formula, REML) {
  if (!id %in% names(CLUSTERS)) return(invisible())
  data <- read_data(path)
  cluster <- CLUSTERS[[id]]
  m <- best_fit(formula, data, REML)
  pooled <- lm(lme4::nobars(formula), data)
  found[[id]] <<- list(cluster = cluster, mixed = errors(m, data, cluster), pooled = errors(pooled, data, cluster))
  cat(id, "\n")
}

for (statement in parse("make_reference.R")) {
  eval(statement)
  if (is.call(statement) && identical(statement[[1]], as.name("<-")) && identical(statement[[2]], as.name("reference")))
    reference <- write_robust
}
versions <- sapply(c("lme4", "clubSandwich"), function(p) as.character(packageVersion(p)))
write_json(list(packages = as.list(versions), R = as.character(getRversion()), fits = found),
           "robust.json", auto_unbox = TRUE, digits = NA, pretty = FALSE)
