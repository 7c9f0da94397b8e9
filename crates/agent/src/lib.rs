//! Finds files, tails, masks and ships; never loses or repeats beyond its contract.
