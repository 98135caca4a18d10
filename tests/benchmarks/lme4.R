# Time lmer inside R: Rscript lme4.R DATA.csv FORMULA ROUNDS FAMILY. Prints one line of JSON.
# Grouping columns and text become factors before the clock runs; options are lme4's defaults, REML = FALSE.
suppressPackageStartupMessages(library(lme4))
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(arguments[1], stringsAsFactors = TRUE)
family <- arguments[4]
formula <- as.formula(arguments[2])
bars <- if (exists("findbars")) findbars(formula) else reformulas::findbars(formula)
for (name in unique(unlist(lapply(bars, function(bar) all.vars(bar[[3]]))))) data[[name]] <- factor(data[[name]])
seconds <- c()
for (round in seq_len(as.integer(arguments[3]))) {
  clock <- Sys.time()
  fit <- suppressMessages(suppressWarnings(
    if (family == "gaussian") lmer(formula, data, REML = FALSE) else glmer(formula, data, family = family)
  ))
  seconds <- c(seconds, as.numeric(difftime(Sys.time(), clock, units = "secs")))
  if (sum(seconds) > 30) break
}
cat(sprintf(
  '{"seconds": [%s], "loglik": %.10f, "lme4": "%s", "R": "%s"}\n',
  paste(sprintf("%.6f", seconds), collapse = ", "), as.numeric(logLik(fit)),
  as.character(packageVersion("lme4")), paste(R.version$major, R.version$minor, sep = ".")
))
