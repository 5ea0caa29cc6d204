"""Taking over a registry that other programs made, and putting right what they write to it later."""
