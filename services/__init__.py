"""The three services of Through Train and what they share."""
