//! The whole of storage against a real folder.

mod bucket;
mod counting;
mod crash;
mod disk;
mod folder;
mod formats;
mod index;
mod life;
mod lifecycle;
mod lines;
mod model;
mod others;
mod patterns;
mod reading;
mod repeats;
mod reread;
mod support;
