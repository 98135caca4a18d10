# Simulates pupils.csv.gz: pupils in classes in schools, with the coefficients that README.md lists as the truth.
# Run in this folder: Rscript simulate.R   (R 4.2.2 made the file that is here)
set.seed(1517)
K <- 80
classes_of <- function(k) {
  n <- sample(4:8, 1)
  do.call(rbind, lapply(seq_len(n), function(j) data.frame(school = k, class = j, pupil = seq_len(sample(8:16, 1)))))
}
d <- do.call(rbind, lapply(seq_len(K), classes_of))
k <- d$school
cell <- interaction(d$school, d$class, drop = TRUE)
j <- as.integer(cell)

# covariates: resources of the school, experience of the class's teacher, homework of the pupil
resources <- round(rnorm(K), 2)
experience <- round(rnorm(nlevels(cell)), 2)
d$homework <- round(rnorm(nrow(d)), 2)
d$experience <- experience[j]
d$resources <- resources[k]

# level 3: intercept, slope of homework, slope of experience, slope of their product
sd3 <- diag(c(3, 1.5, 1.2, 0.9))
cor3 <- matrix(c(1, .3, .2, .1,  .3, 1, .1, .2,  .2, .1, 1, .3,  .1, .2, .3, 1), 4)
v <- matrix(rnorm(K * 4), K) %*% chol(sd3 %*% cor3 %*% sd3)
# level 2: intercept, slope of homework
sd2 <- diag(c(2.5, 1.2))
cor2 <- matrix(c(1, .4, .4, 1), 2)
u <- matrix(rnorm(nlevels(cell) * 2), nlevels(cell)) %*% chol(sd2 %*% cor2 %*% sd2)

g00 <- 50 + 2 * d$resources + v[k, 1]
g01 <- 1.5 + 0.8 * d$resources + v[k, 3]
g10 <- 3 + 1 * d$resources + v[k, 2]
g11 <- 0.7 - 0.5 * d$resources + v[k, 4]
b0 <- g00 + g01 * d$experience + u[j, 1]
b1 <- g10 + g11 * d$experience + u[j, 2]
d$score <- round(b0 + b1 * d$homework + rnorm(nrow(d), 0, 5), 1)

d$school <- sprintf("s%02d", d$school)
d$class <- letters[d$class]
file <- gzfile("pupils.csv.gz", "w", compression = 9)
write.csv(d[, c("school", "class", "pupil", "score", "homework", "experience", "resources")], file, row.names = FALSE, quote = FALSE)
close(file)
