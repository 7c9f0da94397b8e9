//! Analyses over many orders, compared with what their stories tell one by one.

use std::collections::{BTreeMap, BTreeSet};

use auth::Services;
use proptest::prelude::*;

use super::*;
use crate::fixture::{at, with_events};
use crate::live::Live;
use crate::tell::{self, Access};
use crate::{Cohort, ObjectRef, Story};

const NOW: &str = "2026-06-01T00:00:00Z";

/// What an order does: begins at this hour, then enters statuses, each after so many minutes, told by a service.
type Life = (u32, Vec<(usize, u32, usize)>);

const SERVICES: [&str; 3] = ["shop-api", "mes-api", "crm-api"];

fn statuses() -> Vec<String> {
    Graph::built_in().statuses().iter().map(|status| status.name.clone()).chain(["ON_HOLD".to_owned()]).collect()
}

/// The lines of some orders, those of one order together.
fn lines(lives: &[Life]) -> Vec<String> {
    let names = statuses();
    let line = |id: usize, (start, steps): &Life| -> String {
        let (mut minute, mut before, mut out) = (u64::from(*start) * 60, String::new(), String::new());
        for (status, minutes, service) in steps {
            minute += u64::from(*minutes);
            let time =
                jiff::Timestamp::from(at("2026-03-01T00:00:00Z").after(std::time::Duration::from_secs(minute * 60)));
            let name = &names[*status];
            if *name == before {
                continue;
            }
            let from = if before.is_empty() { String::new() } else { format!("from={before} ") };
            out += &format!("{} [{time}][STATUS][order] order_id=o{id} {from}to={name}\n", SERVICES[*service]);
            before.clone_from(name);
        }
        out
    };
    lives.iter().enumerate().map(|(id, life)| line(id, life)).collect()
}

fn trails(lines: &[String], graphs: &Graphs) -> Trails {
    let mut live = Live::default();
    with_events(&lines.concat(), |events| events.iter().for_each(|event| live.apply(event, graphs)));
    live.refresh(graphs, at(NOW));
    live.trails("order")
}

fn stories(lines: &[String], graphs: &Graphs) -> Vec<Story> {
    let story = |(id, text): (usize, &String)| {
        let object = ObjectRef { object: "order".to_owned(), id: format!("o{id}") };
        with_events(text, |events| {
            let mut events = events.to_vec();
            tell::sort(&mut events);
            tell::tell(&object, &events, (graphs, &|_| None), Access { services: &Services::All, lines: None }, at(NOW))
        })
    };
    lines.iter().enumerate().filter_map(story).collect()
}

fn lens<'a>(trails: &'a Trails, graphs: &'a Graphs, select: &'a Select) -> Lens<'a> {
    Lens::new((trails, graphs), select, "order", at(NOW))
}

fn life() -> impl Strategy<Value = Life> {
    let step = (0..11_usize, 1..6_000_u32, 0..3_usize);
    (0..2_000_u32, proptest::collection::vec(step, 1..12))
}

/// Mostly the way of the graph, so that whole ways occur.
fn sound_life() -> impl Strategy<Value = Life> {
    (0..2_000_u32, 1..=10_usize, proptest::collection::vec(1..3_000_u32, 10)).prop_map(|(start, length, minutes)| {
        let owners = [0, 0, 1, 2, 1, 1, 1, 1, 2, 0];
        let steps = (0..length).map(|status| (status, minutes[status], owners[status])).collect();
        (start, steps)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Every analysis says of all orders what their stories say of each.
    #[test]
    fn analyses_agree_with_the_stories(
        wild in proptest::collection::vec(life(), 0..12),
        sound in proptest::collection::vec(sound_life(), 0..12),
    ) {
        let graphs = Graphs::default();
        let lives: Vec<Life> = wild.into_iter().chain(sound).collect();
        let lines = lines(&lives);
        let (trails, stories, select) = (trails(&lines, &graphs), stories(&lines, &graphs), Select::default());
        let lens = lens(&trails, &graphs, &select);

        let variants = variants::variants(&lens, 1_000, false);
        let mut ways: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for story in &stories {
            *ways.entry(story.steps.iter().map(|step| step.status.clone()).collect()).or_default() += 1;
        }
        let told: BTreeMap<_, _> = variants.variants.iter().map(|one| (one.statuses.clone(), one.count)).collect();
        prop_assert_eq!(told, ways);
        prop_assert_eq!(variants.basis.objects, stories.len() as u64);
        prop_assert_eq!(variants.basis.open, stories.iter().filter(|story| !story.closed).count() as u64);

        let conformance = conformance::conformance(&lens, false);
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        stories.iter().flat_map(|story| &story.deviations).for_each(|one| *kinds.entry(one.kind.name()).or_default() += 1);
        let mut told: BTreeMap<&str, u64> = BTreeMap::new();
        conformance.deviations.iter().for_each(|one| *told.entry(&one.kind).or_default() += one.times);
        prop_assert_eq!(told, kinds);
        let clean = stories.iter().filter(|story| story.deviations.is_empty()).count() as u64;
        prop_assert_eq!(conformance.conforming, clean);

        let dwell = dwell::dwell(&lens, false);
        let mut sums: BTreeMap<(String, String), (u64, u128)> = BTreeMap::new();
        let mut waiting: BTreeMap<String, u64> = BTreeMap::new();
        for story in &stories {
            let ends = Graph::built_in().is_end(&story.steps.last().unwrap().status);
            let counted = story.steps.iter().position(|step| step.status == "CLOSED").map_or(story.steps.len(), |end| end + 1);
            for pair in story.steps[..counted].windows(2) {
                let sum = sums.entry((pair[0].status.clone(), pair[1].status.clone())).or_default();
                *sum = (sum.0 + 1, sum.1 + u128::from(pair[0].dwell_ms));
            }
            if !story.closed {
                *waiting.entry(story.status.clone().unwrap()).or_default() += 1;
            }
            prop_assert!(!ends || story.closed);
        }
        for edge in &dwell.edges {
            let (count, sum) = sums.remove(&(edge.from.clone(), edge.to.clone())).unwrap();
            prop_assert_eq!((edge.count, edge.mean_ms.unwrap()), (count, u64::try_from(sum / u128::from(count)).unwrap()));
        }
        prop_assert!(sums.is_empty(), "{:?}", sums);
        let told: BTreeMap<_, _> =
            dwell.statuses.iter().filter(|one| one.waiting != 0).map(|one| (one.status.clone(), one.waiting)).collect();
        prop_assert_eq!(told, waiting);

        let funnel = funnel::funnel(&lens, Cohort::Week, false);
        for step in &funnel.total.steps {
            let end = |story: &Story| story.steps.iter().position(|step| step.status == "CLOSED").unwrap_or(usize::MAX);
            let reached = |story: &&Story| story.steps.iter().take(end(story).saturating_add(1)).any(|one| one.status == step.status);
            prop_assert_eq!(step.reached, stories.iter().filter(reached).count() as u64);
        }
        prop_assert_eq!(funnel.cohorts.iter().map(|row| row.started).sum::<u64>(), stories.len() as u64);
        prop_assert!(funnel.cohorts.iter().all(|row| row.cohort.as_ref().unwrap().parse::<jiff::civil::Date>().unwrap().weekday() == jiff::civil::Weekday::Monday));

        let throughput = throughput::throughput(&lens, false);
        let sum = |number: fn(&crate::DayThroughput) -> u64| throughput.days.iter().map(number).sum::<u64>();
        prop_assert_eq!(sum(|day| day.started), stories.len() as u64);
        prop_assert_eq!(sum(|day| day.closed), stories.iter().filter(|story| story.closed).count() as u64);
    }
}

#[test]
fn only_what_was_selected_is_looked_at() {
    let graphs = Graphs::default();
    let lines = lines(&[(0, vec![(0, 1, 0)]), (240, vec![(0, 1, 0)]), (480, vec![(0, 1, 0)])]);
    let trails = trails(&lines, &graphs);
    let since = Select { since: Some(at("2026-03-05T00:00:00Z")), ..Select::default() };
    assert_eq!(variants::variants(&lens(&trails, &graphs, &since), 9, false).basis.objects, 2);
    let until = Select { until: Some(at("2026-03-11T00:01:01Z")), ..since };
    assert_eq!(variants::variants(&lens(&trails, &graphs, &until), 9, false).basis.objects, 1);
}

#[test]
fn a_promise_is_kept_broken_pending_or_given_up() {
    let text = "[[status]]\nname = \"NEW\"\nowner = \"shop\"\nnext = [\"PAID\", \"GONE\"]\n[[status]]\nname = \"PAID\"\nowner = \"shop\"\nnext = [\"DONE\"]\n\
                [[status]]\nname = \"DONE\"\nowner = \"shop\"\n[[status]]\nname = \"GONE\"\nowner = \"shop\"\n\
                [[objective]]\nname = \"fast\"\nfrom = \"NEW\"\nto = \"PAID\"\nwithin = \"1h\"\ntarget = 0.75\nwindow = \"7d\"";
    let graphs = Graphs::new([Graph::read(text).unwrap()]);
    let rows: Vec<String> = [
        "shop [2026-05-31T10:00:00Z][STATUS][order] order_id=in-time to=NEW\n shop [2026-05-31T10:59:00Z][STATUS][order] order_id=in-time from=NEW to=PAID rating=5\n",
        "shop [2026-05-31T10:00:00Z][STATUS][order] order_id=late to=NEW\n shop [2026-05-31T11:01:00Z][STATUS][order] order_id=late from=NEW to=PAID rating=2\n",
        "shop [2026-05-30T10:00:00Z][STATUS][order] order_id=stuck to=NEW\n",
        "shop [2026-05-31T23:30:00Z][STATUS][order] order_id=young to=NEW\n",
        "shop [2026-05-31T10:00:00Z][STATUS][order] order_id=given-up to=NEW\n shop [2026-05-31T10:05:00Z][STATUS][order] order_id=given-up from=NEW to=GONE\n",
        "shop [2026-05-01T10:00:00Z][STATUS][order] order_id=long-ago to=NEW\n",
    ]
    .map(str::to_owned)
    .into();
    let (trails, select) = (trails(&rows, &graphs), Select::default());
    let sla = objectives::sla(&lens(&trails, &graphs, &select), false);
    let one = &sla.objectives[0];
    assert_eq!((one.good, one.bad, one.pending, one.met), (1, 2, 1, Some(false)));
    assert_eq!(one.examples, ["late", "stuck"]);
    // Three outcomes allow for 0.75 bad ones; there are two.
    assert!((one.budget_left - (1.0 - 2.0 / 0.75)).abs() < 1e-9);
    let day = one.burn.iter().find(|burn| burn.window_ms == 86_400_000).unwrap();
    assert_eq!((day.outcomes, day.bad, day.rate), (2, 1, 2.0));
    assert_eq!((one.ratings_good.mean, one.ratings_bad.mean), (Some(5.0), Some(2.0)));
}

#[test]
fn working_time_makes_the_dwell_of_a_weekend_short() {
    let text = "[calendar]\nzone = \"UTC\"\n[[status]]\nname = \"NEW\"\nowner = \"shop\"\nworking = true\ndeadline = \"3h\"\nnext = [\"DONE\"]\n[[status]]\nname = \"DONE\"\nowner = \"shop\"";
    let graphs = Graphs::new([Graph::read(text).unwrap()]);
    // From Friday 17:00 to Monday 10:00: two hours of work.
    let rows = ["shop [2026-05-29T17:00:00Z][STATUS][order] order_id=1 to=NEW\nshop [2026-06-01T10:00:00Z][STATUS][order] order_id=1 from=NEW to=DONE\n".to_owned()];
    let (trails, select) = (trails(&rows, &graphs), Select::default());
    let dwell = dwell::dwell(&lens(&trails, &graphs, &select), false);
    assert_eq!(
        (dwell.statuses[0].mean_ms, dwell.statuses[0].over, dwell.statuses[0].working),
        (Some(7_200_000), 0, true)
    );
    assert_eq!((dwell.edges[0].mean_ms, dwell.edges[0].limit_ms), (Some(7_200_000), Some(10_800_000)));
}

#[test]
fn failures_are_counted_with_the_change_they_came_before() {
    let graphs = Graphs::default();
    let rows = ["shop-api [2026-05-29T10:00:00Z][STATUS][order] order_id=1 to=CREATED
         shop-api [2026-05-29T10:01:00Z][REQ][POST /crm/orders] order_id=1 dir=out peer=crm-api request_id=r1 status=CREATED
         shop-api [2026-05-29T10:01:01Z][RESP][POST /crm/orders] order_id=1 dir=out peer=crm-api request_id=r1 status=CREATED http_status=503
         shop-api [2026-05-29T10:02:00Z][STATUS][order] order_id=1 from=CREATED to=SUBMITTED
         shop-api [2026-05-29T10:00:00Z][STATUS][order] order_id=2 to=CREATED
         shop-api [2026-05-29T10:02:00Z][STATUS][order] order_id=2 from=CREATED to=SUBMITTED\n"
        .to_owned()];
    let (trails, select) = (trails(&rows, &graphs), Select::default());
    let edge = dwell::dwell(&lens(&trails, &graphs, &select), false).edges.remove(0);
    assert_eq!((edge.count, edge.with_failures, edge.failures, edge.error_rate), (2, 1, 1, 0.5));
}

#[test]
fn a_graph_that_is_discovered_passes_the_checks_and_is_the_one_that_was_followed() {
    let graphs = Graphs::default();
    let way = |start: u32, rework: bool| -> Life {
        let mut steps: Vec<(usize, u32, usize)> = Vec::new();
        for status in 0..10 {
            steps.push((status, 60, [0, 0, 1, 2, 1, 1, 1, 1, 2, 0][status]));
            if rework && status == 5 {
                steps.extend([(4, 30, 1), (5, 30, 1)]);
            }
        }
        (start, steps)
    };
    let mut lives: Vec<Life> = (0..400).map(|start| way(start, start % 4 == 0)).collect();
    // A slip: one order is closed at once.
    lives.push((7, vec![(0, 1, 0), (9, 5, 0)]));
    let lines = lines(&lives);
    let (trails, select) = (trails(&lines, &graphs), Select::default());
    let found = discover::discover(&lens(&trails, &graphs, &select), discover::SLIP).unwrap();
    let read = Graph::read(&found.to_toml()).unwrap();
    assert_eq!(read, found);
    let names: Vec<&str> = found.statuses().iter().map(|status| status.name.as_str()).collect();
    assert_eq!(names, logline::DEFAULT_ORDER_STATUSES);
    assert!(found.has_edge("MANUFACTURING_COMPLETED", "MANUFACTURING_STARTED"));
    assert!(!found.has_edge("CREATED", "CLOSED"));
    assert_eq!(
        (found.status("SUBMITTED").unwrap().owner.as_str(), found.status("MANUFACTURING_STARTED").unwrap().rework),
        ("mes-api", 1)
    );
    let kinds: BTreeSet<bool> = picture::picture(&lens(&trails, &graphs, &select), Some(discover::SLIP), false)
        .edges
        .iter()
        .map(|edge| edge.known)
        .collect();
    assert_eq!(kinds, BTreeSet::from([false, true]), "the slip is drawn as a way that is not known");
}

/// Half a minute after a minute of March, so that nothing happens at that very moment.
fn then(minute: u64) -> Timestamp {
    at("2026-03-01T00:00:00Z").after(std::time::Duration::from_secs(60 * minute + 30))
}

/// What the live state knew at a moment.
fn known_then(lines: &[String], graphs: &Graphs, then: Timestamp) -> Live {
    let mut live = Live::default();
    with_events(&lines.concat(), |events| {
        events.iter().filter(|event| event.time <= then).for_each(|event| live.apply(event, graphs));
    });
    live.update(graphs);
    live
}

proptest! {
    #[test]
    fn what_was_stuck_in_the_past_is_what_was_said_then(
        lives in proptest::collection::vec(prop_oneof![life(), sound_life()], 1..8),
        minute in 0..130_000_u64,
    ) {
        let (graphs, select, lines, then) = (Graphs::default(), Select::default(), lines(&lives), then(minute));
        let live = known_then(&lines, &graphs, then);
        let stuck = |open: crate::live::Open<'_>| {
            let stuck = crate::list::Judged::of(open, &graphs, then).stuck?;
            Some((open.id.to_owned(), open.status.to_owned(), stuck.reason, stuck.due))
        };
        let said: BTreeSet<_> = live.open().filter(|open| open.object == "order").filter_map(stuck).collect();
        let trails = trails(&lines, &graphs);
        let wanted = past::Wanted { status: None, owner: None, range: (then, then) };
        let told = past::stuck(&lens(&trails, &graphs, &select), &wanted, false);
        let told: BTreeSet<_> = told.spans.into_iter().map(|span| (span.id, span.status, span.reason, span.due)).collect();
        prop_assert_eq!(told, said);
    }

    #[test]
    fn promises_were_kept_in_the_past_as_was_said_then(
        lives in proptest::collection::vec(sound_life(), 1..20),
        minute in 0..130_000_u64,
    ) {
        let (graphs, select, lines, then) = (Graphs::default(), Select::default(), lines(&lives), then(minute));
        let live = known_then(&lines, &graphs, then);
        let known = live.trails("order");
        let said = objectives::sla(&Lens::new((&known, &graphs), &select, "order", then), false);
        let trails = trails(&lines, &graphs);
        let told = past::outcomes(&lens(&trails, &graphs, &select), Timestamp::MIN, false);
        for (said, told) in said.objectives.iter().zip(&told.promises) {
            for burn in &said.burn {
                let since = then.before(std::time::Duration::from_millis(burn.window_ms));
                let within = |at: Timestamp| since <= at && at <= then;
                let bad = told.bad.iter().filter(|(at, _)| within(*at)).count() as u64;
                let good = told.good.iter().filter(|at| within(**at)).count() as u64;
                prop_assert_eq!((&told.name, bad, bad + good), (&said.name, burn.bad, burn.outcomes));
            }
        }
    }
}

#[test]
fn a_late_confirmation_ends_one_reason_and_the_deadline_that_was_over_by_then_is_the_next() {
    let graphs = Graphs::default();
    let call = "order_id=1 status=SHIPPED request_id=r dir=out peer=queue";
    let lines = [
        "mes-api [2026-03-02T10:00:00Z][STATUS][order] order_id=1 from=PACKAGING to=SHIPPED\n".to_owned(),
        format!("mes-api [2026-03-12T10:00:00Z][RESP][PUBLISH handovers] {call} http_status=202\n"),
        "crm-api [2026-03-14T10:00:00Z][STATUS][order] order_id=1 from=SHIPPED to=DELIVERED\n".to_owned(),
    ];
    let (trails, select) = (trails(&lines, &graphs), Select::default());
    let wanted = past::Wanted {
        status: Some("SHIPPED".to_owned()),
        owner: None,
        range: (at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")),
    };
    let told = past::stuck(&lens(&trails, &graphs, &select), &wanted, false);
    let told: Vec<_> = told.spans.iter().map(|span| (span.reason, span.due, span.from, span.until)).collect();
    assert_eq!(
        told,
        [
            (
                crate::StuckReason::Unconfirmed,
                at("2026-03-02T10:05:00Z"),
                at("2026-03-02T10:05:00Z"),
                Some(at("2026-03-12T10:00:00Z"))
            ),
            (
                crate::StuckReason::Deadline,
                at("2026-03-09T10:00:00Z"),
                at("2026-03-12T10:00:00Z"),
                Some(at("2026-03-14T10:00:00Z"))
            ),
        ]
    );
}

#[test]
fn a_funnel_tells_medians_to_the_millisecond() {
    let graphs = Graphs::default();
    let created = "shop-api [2026-03-01T12:00:00.100Z][STATUS][order] order_id=1 to=CREATED\n";
    let submitted = "shop-api [2026-03-01T12:00:00.374Z][STATUS][order] order_id=1 from=CREATED to=SUBMITTED\n";
    let trails = trails(&[[created, submitted].concat()], &graphs);
    let select = Select::default();
    let lens = Lens::new((&trails, &graphs), &select, "order", at(NOW));
    let funnel = funnel::funnel(&lens, Cohort::Day, false);
    for row in funnel.cohorts.iter().chain([&funnel.total]) {
        let medians: Vec<_> = row.steps.iter().map(|step| step.median_ms).collect();
        assert_eq!((medians, row.started), (vec![Some(0), Some(274)], 1));
    }
}
