//! The whole system as its users run it: real binaries, kill -9, bad input, personal data, clients' requests.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "a suite that was left out says so")]
#![expect(clippy::type_complexity, reason = "tables of cases")]

mod system {
    mod access;
    pub(crate) mod agent;
    mod alerts;
    mod audit;
    mod bad_input;
    mod bad_start;
    pub(crate) mod browser;
    mod bucket;
    mod canary;
    mod clients;
    mod demo;
    mod discovery;
    mod durability;
    mod folder;
    mod forwarding;
    pub(crate) mod harness;
    mod loki_api;
    pub(crate) mod orders;
    mod otlp;
    mod pages;
    mod personal_data;
    mod process_mining;
    mod queries;
    mod readers;
    mod rules;
    mod transport;
}
