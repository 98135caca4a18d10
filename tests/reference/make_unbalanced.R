# Degrees of freedom and adjusted standard errors of unbalanced designs: unbalanced/*.csv and unbalanced.json.
# Run in this folder: OPENBLAS_NUM_THREADS=1 Rscript make_unbalanced.R
# All data are made up here. For each model and method: each fixed effect [estimate, se, df], and all but the intercept
# together [F, numerator df, denominator df].
suppressMessages({
  library(jsonlite)
  library(lmerTest)
})
set.seed(3)
CONTROL <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), calc.derivs = FALSE)

# slopes that vary between subjects with one to nine visits, and two kinds of subjects
visits <- rep(1:20, times = rep(c(1, 2, 4, 7, 9), 4))
slopes <- data.frame(s = visits, day = round(runif(length(visits), 0, 9), 1), arm = visits %% 3 %/% 2)
slopes$y <- round(250 + 10 * slopes$day + rnorm(20, 0, 25)[visits] + rnorm(20, 0, 6)[visits] * slopes$day +
                  rnorm(length(visits), 0, 20), 3)

# crossed factors whose labels are drawn with unequal chances; a covariate of the first
n <- 160
crossed <- data.frame(a = sample(letters[1:9], n, TRUE, prob = (1:9)^2), b = sample(LETTERS[1:7], n, TRUE, prob = 7:1),
                      x = round(rnorm(n), 3))
crossed$z <- round(rnorm(9), 3)[match(crossed$a, letters)]
crossed$y <- round(1 + crossed$x / 2 + rnorm(9)[match(crossed$a, letters)] +
                   0.7 * rnorm(7)[match(crossed$b, LETTERS)] + rnorm(n), 3)

# nested factors; the variance of the coarser one is estimated as zero
nested <- data.frame(k = rep(1:8, times = c(3, 9, 12, 20, 5, 14, 8, 11)))
nested$j <- nested$k * 10 + sample(1:3, nrow(nested), TRUE)
nested$x <- round(rnorm(nrow(nested)), 3)
nested$t <- nested$k %% 2
nested$y <- round(0.9 * rnorm(100)[nested$j] + nested$x + rnorm(nrow(nested)), 3)

DATA <- list(slopes = slopes, crossed = crossed, nested = nested)
MODELS <- list(slopes = c("slopes", "y ~ day * arm + (day | s)"), crossed = c("crossed", "y ~ x + z + (1 | a) + (1 | b)"),
               nested = c("nested", "y ~ x * t + (1 | k) + (1 | j)"), both = c("crossed", "y ~ x + (x | a) + (1 | b)"))
for (name in names(DATA)) write.csv(DATA[[name]], file.path("unbalanced", paste0(name, ".csv")), row.names = FALSE)

degrees <- function(m, ddf) {
  p <- length(fixef(m))
  table <- coef(summary(m, ddf = ddf))
  each <- lapply(rownames(table), function(term) unname(table[term, 1:3]))
  names(each) <- rownames(table)
  f <- contestMD(m, diag(p)[-1, , drop = FALSE], ddf = ddf)
  list(each = each, joint = c(f[["F value"]], f[["NumDF"]], f[["DenDF"]]))
}
found <- lapply(MODELS, function(model) {
  FRAME <<- DATA[[model[[1]]]]
  m <- eval(bquote(lmerTest::lmer(.(as.formula(model[[2]])), FRAME, control = CONTROL)))
  print(VarCorr(m))
  list(data = model[[1]], satterthwaite = degrees(m, "Satterthwaite"), kenward_roger = degrees(m, "Kenward-Roger"))
})
versions <- sapply(c("lme4", "lmerTest", "pbkrtest"), function(p) as.character(packageVersion(p)))
write_json(list(packages = as.list(versions), R = as.character(getRversion()), fits = found), "unbalanced.json",
           auto_unbox = TRUE, digits = NA, pretty = FALSE)
