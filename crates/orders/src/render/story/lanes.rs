//! A lane for each service: who set a status, who took part, where something failed.

use crate::render::ink::{Ink, Row};
use crate::{Step, Story};

/// The lane that services share for which there is no room.
const OTHERS: &str = "…";

#[derive(Debug)]
pub(super) struct Lanes<'a>(Vec<Lane<'a>>);

#[derive(Debug)]
struct Lane<'a> {
    label: &'a str,
    services: Vec<&'a str>,
}

impl<'a> Lanes<'a> {
    /// Lanes that take at most `room` columns together.
    pub(super) fn of(story: &'a Story, room: usize) -> Self {
        let mut lanes: Vec<Lane<'a>> = Vec::new();
        let mut room = room.saturating_sub(OTHERS.chars().count() + 2);
        for service in story.services.iter().map(String::as_str) {
            let label = service.strip_suffix("-api").or(service.strip_suffix("-service")).unwrap_or(service);
            let width = label.chars().count() + 2;
            match lanes.last_mut() {
                Some(last) if last.label == OTHERS => last.services.push(service),
                _ if room < width => lanes.push(Lane { label: OTHERS, services: vec![service] }),
                _ => {
                    room -= width;
                    lanes.push(Lane { label, services: vec![service] });
                }
            }
        }
        Self(lanes)
    }

    pub(super) fn labels(&self, row: &mut Row) {
        for lane in &self.0 {
            row.space(2).add(Ink::Faint, lane.label);
        }
    }

    /// Empty lanes.
    pub(super) fn rails(&self, row: &mut Row) {
        self.draw(row, |_| (Ink::Faint, "│"));
    }

    /// The signs of a step: who set the status, who took part, who failed.
    pub(super) fn signs(&self, step: &Step, row: &mut Row) {
        self.draw(row, |lane| {
            let mut events =
                step.events.iter().filter(|event| lane.services.contains(&event.service.as_str())).peekable();
            let set = lane.services.contains(&step.service.as_str());
            let took_part = events.peek().is_some();
            match (set, took_part, events.any(|event| event.failed)) {
                (true, _, false) => (Ink::Good, "●"),
                (true, _, true) => (Ink::Bad, "●"),
                (false, _, true) => (Ink::Bad, "✗"),
                (false, true, false) => (Ink::Plain, "○"),
                (false, false, false) => (Ink::Faint, "│"),
            }
        });
    }

    fn draw(&self, row: &mut Row, sign: impl Fn(&Lane<'a>) -> (Ink, &'static str)) {
        for lane in &self.0 {
            let width = lane.label.chars().count();
            let before = width.saturating_sub(1) / 2;
            let (ink, sign) = sign(lane);
            row.space(2 + before).left(ink, sign, width - before);
        }
    }
}
