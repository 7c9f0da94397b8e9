//! Which line belongs to which event.

use super::*;
use crate::fixture::{at, labels, with_events};

#[test]
fn events_get_their_own_lines_and_masked_ones_only_without_doubt() {
    let text = "mes-api [2026-03-09T10:00:00Z][STATUS][order] order_id=1 to=CREATED
                mes-api [2026-03-09T10:00:00Z][REQ][GET /x] order_id=1 status=CREATED";
    with_events(text, |events| {
        let group: Vec<&Event<'_>> = events.iter().collect();
        let place = (labels("mes-api").to_string(), at("2026-03-09T10:00:00Z"));
        let lines: Vec<String> = crate::fixture::rows(text).map(|(_, line)| line.to_owned()).collect();
        let found = |lines: &[&str]| {
            let lines = lines.iter().map(|&line| line.to_owned()).collect();
            let mut found = assign(&place, lines, &group);
            found.sort_by_key(|(id, _)| group.iter().position(|event| event.id == *id));
            found.into_iter().map(|(_, line)| line).collect::<Vec<_>>()
        };
        assert_eq!(found(&[&lines[1], &lines[0]]), lines);
        assert_eq!(found(&["[masked]", &lines[0]]), [lines[0].as_str(), "[masked]"]);
        assert!(found(&["[masked]", "[masked too]"]).is_empty());
    });
}
