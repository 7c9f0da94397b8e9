//! Alerts over months of the demo, at the speed of the machine: what the rules that need no configuration say about a
//! healthy company and about each fault, and how the detector of volumes compares with plainer ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod alerts {
    mod faults;
    mod healthy;
    mod orders;
    pub(crate) mod past;
    mod reread;
    mod volume;
}
