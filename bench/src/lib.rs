//! Load generator and whole-system benchmarks.
