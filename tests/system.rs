//! The whole system as its users run it: real binaries, kill -9, bad input, personal data, clients' requests.

mod system {
    pub(crate) mod agent;
    pub(crate) mod harness;
    mod bad_input;
    mod bad_start;
    mod clients;
    mod demo;
    mod durability;
    mod loki_api;
    mod orders;
    mod personal_data;
}
