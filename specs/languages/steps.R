steps <- function(n) {
  count <- 0
  while (n != 1) {
    n <- if (n %% 2 == 1) 3 * n + 1 else n / 2
    count <- count + 1
  }
  count
}

limit <- scan(file("stdin"), quiet = TRUE)
all <- sapply(seq_len(limit), steps)
writeLines(paste(seq_len(limit), all))
cat("total ", sum(all), "\n", sep = "")
