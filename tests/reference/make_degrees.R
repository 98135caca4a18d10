# Degrees of freedom by lmerTest and pbkrtest for the reference models of up to 10000 rows: degrees_of_freedom.json.
# Run in this folder: OPENBLAS_NUM_THREADS=1 Rscript make_degrees.R
# The models and their tight fits are those of make_reference.R; only what is written of each differs.
# `satterthwaite` and, for REML fits of less than 1000 rows, `kenward_roger`: for each fixed effect [se, df], and for
# all of them but the intercept together [F, numerator df, denominator df].
suppressMessages({
  library(jsonlite)
  library(lmerTest)
})
found <- list()

degrees <- function(m, ddf) {
  p <- length(fixef(m))
  one <- lapply(seq_len(p), function(i) {
    t <- contest1D(m, as.numeric(seq_len(p) == i), ddf = ddf)
    c(t[["Std. Error"]], t[["df"]])
  })
  names(one) <- names(fixef(m))
  if (p == 1) return(list(each = one))
  f <- contestMD(m, diag(p)[-1, , drop = FALSE], ddf = ddf)
  list(each = one, joint = c(f[["F value"]], f[["NumDF"]], f[["DenDF"]]))
}

write_degrees <- function(id, path, formula, REML) {
  DATA <<- read_data(path)  # lmerTest looks for it again
  if (nrow(DATA) > 10000) return(invisible())
  start <- getME(best_fit(formula, DATA, REML), "theta")
  control <- lmerControl(optimizer = OPTIMIZERS[[3]][[1]], optCtrl = OPTIMIZERS[[3]][[2]], calc.derivs = FALSE)
  m <- eval(bquote(lmerTest::lmer(.(formula), DATA, REML = .(REML), start = .(start), control = .(control))))
  result <- list(satterthwaite = degrees(m, "Satterthwaite"))
  if (REML && nrow(DATA) < 1000) result$kenward_roger <- degrees(m, "Kenward-Roger")
  found[[id]] <<- result
  cat(id, "\n")
}

for (statement in parse("make_reference.R")) {
  eval(statement)
  if (is.call(statement) && identical(statement[[1]], as.name("<-")) && identical(statement[[2]], as.name("reference")))
    reference <- write_degrees
}
versions <- sapply(c("lme4", "lmerTest", "pbkrtest"), function(p) as.character(packageVersion(p)))
write_json(list(packages = as.list(versions), R = as.character(getRversion()), fits = found),
           "degrees_of_freedom.json", auto_unbox = TRUE, digits = NA, pretty = FALSE)
