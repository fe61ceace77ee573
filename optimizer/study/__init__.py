"""What a person asks: a study, read, checked and made ready to compute."""
