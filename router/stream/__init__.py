"""The shell on Faust: moves bytes, owns time, faults and transactions; decides nothing."""
