//! Black-box tests against the real binaries.
