//! What is printed reads back as the same tree, on one line or on many.
