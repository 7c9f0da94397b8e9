//! Black-box tests live in `system.rs`; there is no library here.
