//! Which headers are a trace context, and what is carried on.

use super::*;

const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_header_is_read_and_written_back() {
    let caller = TraceContext::parse(HEADER).unwrap();
    assert_eq!(caller.to_string(), HEADER);
    assert_eq!(caller.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(caller.span_id(), "00f067aa0ba902b7");
}

#[test]
fn a_later_version_with_more_parts_is_read_as_far_as_known() {
    let header = HEADER.replace("00-4", "01-4") + "-more";
    assert_eq!(TraceContext::parse(&header).unwrap().to_string(), HEADER);
}

#[test]
fn a_header_that_is_not_well_formed_is_none() {
    for header in [
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
    ] {
        assert_eq!(TraceContext::parse(header), None, "{header}");
    }
}

#[test]
fn a_child_keeps_the_trace_and_names_its_parent() {
    let caller = TraceContext::parse(HEADER).unwrap();
    let child = caller.child(|| 5);
    assert_eq!(child.trace_id(), caller.trace_id());
    assert_eq!(child.span_id(), "0000000000000005");
    assert_eq!(child.parent_span_id(), Some(caller.span_id()));
}

#[test]
fn ids_are_never_zero_and_do_not_repeat() {
    assert_eq!(TraceContext::begin(|| 0).span_id(), "0000000000000001");
    let ids: std::collections::HashSet<u64> = (0..10_000).map(|_| system_random()).collect();
    assert_eq!(ids.len(), 10_000);
}
