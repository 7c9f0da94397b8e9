//! Every way to tamper with a chain is found, and named by the first record that it shows in.

use logline::Tenant;

use super::*;
use crate::audit::{AuditEvent, Chain, Cost, Outcome};

fn chain_of(node: &str, records: u64) -> (Vec<Record>, Chain) {
    let mut chain = Chain::new(node, None);
    let event = |n: u64| AuditEvent {
        cost: n.is_multiple_of(2).then_some(Cost { rows: n, bytes: 2, millis: 3 }),
        ..AuditEvent::new(format!("user-{n}"), Tenant::default(), "query", "{a=\"b\"}", Outcome::Allowed)
    };
    let records = (1..=records).map(|n| chain.seal(event(n), Timestamp(n.cast_signed()))).collect();
    (records, chain)
}

fn verify(records: &[Record], anchors: &[Anchor]) -> Result<BTreeMap<String, Verified>, Broken> {
    let mut verifier = Verifier::new(anchors.to_vec());
    records.iter().try_for_each(|record| verifier.check(record))?;
    verifier.finish(Timestamp::MIN, Timestamp(10))
}

#[track_caller]
fn check_broken(records: &[Record], anchors: &[Anchor], sequence: u64, why: Why) {
    assert_eq!(verify(records, anchors).unwrap_err(), Broken { node: "a".to_owned(), sequence, why });
}

#[test]
fn a_chain_that_nobody_touched_holds_from_its_first_record_to_its_last() {
    let (mut records, chain) = chain_of("a", 5);
    records.extend(chain_of("b", 3).0);
    let held = verify(&records, &[chain.anchor().unwrap()]).unwrap();
    assert_eq!((held["a"].first, held["a"].last.sequence, held["a"].records, held["a"].anchored), (1, 5, 5, 1));
    assert_eq!((held["b"].records, held["b"].anchored), (3, 0));
}

#[test]
fn a_chain_goes_on_after_a_restart_and_with_a_clock_that_was_set_back() {
    let (mut records, first) = chain_of("a", 2);
    let mut second = Chain::new("a", first.anchor().map(|anchor| anchor.link));
    let event = AuditEvent::new("x", Tenant::default(), "login", "", Outcome::Denied);
    records.push(second.seal(event, Timestamp(-5)));
    assert_eq!(records[2].time, records[1].time);
    assert_eq!(verify(&records, &[]).unwrap()["a"].records, 3);
}

#[test]
fn no_field_of_a_record_can_be_changed() {
    let changes: [fn(&mut Record); 10] = [
        |record| record.principal.push('x'),
        |record| record.tenant.push('x'),
        |record| record.action.push('x'),
        |record| record.outcome = Outcome::Denied,
        |record| record.detail.push('x'),
        |record| record.address.push('x'),
        |record| record.cost = Some(Cost { rows: 9, ..Cost::default() }),
        |record| record.count += 1,
        |record| record.time.0 += 1,
        |record| record.previous = NOTHING.to_owned(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut records = chain_of("a", 5).0;
        change(&mut records[2]);
        assert_eq!(verify(&records, &[]).unwrap_err().why, Why::Changed, "{index}");
        // Whoever hashes it again breaks the link to the one behind it.
        records[2].hash = records[2].digest();
        assert!(verify(&records, &[]).is_err(), "{index}");
    }
}

#[test]
fn fields_cannot_lend_each_other_letters() {
    let mut record = chain_of("a", 1).0.remove(0);
    let before = record.digest();
    record.action = format!("{}{}", record.tenant.pop().unwrap(), record.action);
    assert_ne!(record.digest(), before);
}

#[test]
fn records_that_are_gone_or_put_in_are_named() {
    let (records, chain) = chain_of("a", 5);
    let anchors = [chain.anchor().unwrap()];
    let mut gone = records.clone();
    gone.remove(2);
    check_broken(&gone, &anchors, 3, Why::Missing);
    let mut twice = records.clone();
    twice.insert(3, records[1].clone());
    check_broken(&twice, &anchors, 2, Why::Unlinked);
    // Without anchors the end of a chain can be cut off, and all of it written anew.
    assert!(verify(&records[..3], &[]).is_ok());
    check_broken(&records[..3], &anchors, 4, Why::Missing);
    check_broken(&[], &anchors, 5, Why::Missing);
    let forged = chain_of("a", 4).0;
    let mut other = Chain::new("a", Some(Link::of(&forged[3])));
    let event = AuditEvent::new("nobody", Tenant::default(), "query", "", Outcome::Allowed);
    let forged = [forged, vec![other.seal(event, Timestamp(5))]].concat();
    check_broken(&forged, &anchors, 5, Why::Replaced);
}

#[test]
fn what_is_too_old_may_be_gone() {
    let (records, chain) = chain_of("a", 5);
    let checked = |anchors: &[Anchor]| {
        let mut verifier = Verifier::new(anchors.to_vec());
        records[3..].iter().try_for_each(|record| verifier.check(record)).unwrap();
        verifier
    };
    let finish = |verifier: &Verifier, kept_since| verifier.clone().finish(Timestamp(kept_since), Timestamp(10));
    let anchor = |index: usize| Anchor { node: "a".to_owned(), link: Link::of(&records[index]) };
    let early = checked(&[anchor(1), chain.anchor().unwrap()]);
    assert_eq!(finish(&early, 5).unwrap()["a"].first, 4);
    assert_eq!(finish(&early, 2).unwrap_err().sequence, 2);
    // The third may be as young as the fourth, for all that is known; unless it is written down that it is not.
    let missing = Broken { node: "a".to_owned(), sequence: 3, why: Why::Missing };
    assert_eq!(finish(&early, 4).unwrap_err(), missing);
    let known = checked(&[anchor(2), chain.anchor().unwrap()]);
    assert_eq!(finish(&known, 4).unwrap()["a"].first, 4);
    assert_eq!(finish(&known, 3).unwrap_err(), missing);
    let mut other = anchor(2);
    other.link.hash = NOTHING.to_owned();
    assert_eq!(finish(&checked(&[other, chain.anchor().unwrap()]), 4).unwrap_err(), missing);
}

#[test]
fn what_is_gone_before_the_first_anchor_is_missing() {
    let (records, chain) = chain_of("a", 5);
    check_broken(&records[2..], &[chain.anchor().unwrap()], 1, Why::Missing);
}

#[test]
fn a_chain_of_which_nothing_was_anchored_was_not_written_here() {
    let minutes = |count: i64| count * 60_000_000_000;
    let judge = |records: &[Record], now| {
        let mut verifier = Verifier::new([]);
        records.iter().try_for_each(|record| verifier.check(record)).unwrap();
        verifier.finish(Timestamp::MIN, Timestamp(now))
    };
    let records = chain_of("forged", 3).0;
    let broken = Broken { node: "forged".to_owned(), sequence: 1, why: Why::Unanchored };
    assert!(judge(&records, minutes(1)).is_ok(), "it has only just begun");
    assert_eq!(judge(&records, minutes(3)).unwrap_err(), broken);
    assert_eq!(judge(&records, minutes(-3)).unwrap_err(), broken);
    assert_eq!(judge(&records[1..], minutes(1)).unwrap_err().sequence, 2);
}

#[test]
fn a_record_that_was_written_twice_is_one() {
    let mut records = chain_of("a", 3).0;
    records.insert(2, records[1].clone());
    assert_eq!(verify(&records, &[]).unwrap()["a"].records, 3);
}

#[test]
fn what_was_taken_away_by_age_stays_allowed_when_more_is_kept_later() {
    const HOUR: i64 = 3_600_000_000_000;
    let mut chain = Chain::new("a", None);
    let mut seal = |hour: i64| {
        chain.seal(AuditEvent::new("x", Tenant::default(), "query", "", Outcome::Allowed), Timestamp(hour * HOUR))
    };
    let records: Vec<_> = (1..=6).map(&mut seal).collect();
    let anchor = |index: usize| Anchor { node: "a".to_owned(), link: Link::of(&records[index]) };
    let judge = |left: &[Record], removed: Option<i64>| {
        let removal = removed.map(|hour| Anchor::of_removal(Timestamp(hour * HOUR - 1)));
        let mut verifier = Verifier::new([anchor(0), anchor(2), anchor(3), anchor(5)].into_iter().chain(removal));
        left.iter().try_for_each(|record| verifier.check(record))?;
        verifier.finish(Timestamp::MIN, Timestamp(7 * HOUR)).map(|held| held["a"].first)
    };
    assert_eq!(judge(&records[3..], Some(4)), Ok(4), "what was removed is told");
    let missing = |sequence| Err(Broken { node: "a".to_owned(), sequence, why: Why::Missing });
    assert_eq!(judge(&records[3..], None), missing(1), "nothing was removed");
    assert_eq!(judge(&records[4..], Some(4)), missing(4), "one more is gone than was removed");
    let mut gap = records.clone();
    gap.remove(4);
    assert_eq!(judge(&gap, Some(4)), missing(5));
}

#[test]
fn a_break_stands_in_the_chain_and_is_counted() {
    let (mut records, mut chain) = chain_of("a", 2);
    let event = |action| AuditEvent::new("system", Tenant::default(), action, "behind record 2", Outcome::Failed);
    records.push(chain.seal(event(BREAK), Timestamp(3)));
    records.push(chain.seal(event("audit"), Timestamp(4)));
    assert_eq!(verify(&records, &[]).unwrap()["a"].breaks, 1);
    records.remove(2);
    check_broken(&records, &[], 3, Why::Missing);
}

#[test]
fn what_cannot_be_read_is_told_with_the_records_around_and_hides_no_other_damage() {
    let mut records = chain_of("a", 6).0;
    let anchors = [1, 3, 6].map(|n| Anchor { node: "a".to_owned(), link: Link::of(&records[n - 1]) });
    let judge = |parts: [&[Record]; 2], is_cut: bool| {
        let mut verifier = Verifier::new(anchors.to_vec());
        parts[0].iter().try_for_each(|record| verifier.check(record))?;
        verifier.skip("`x` is damaged");
        verifier.skip("`x` is damaged");
        parts[1].iter().try_for_each(|record| verifier.check(record))?;
        if is_cut {
            verifier.skip("`y` is damaged");
        }
        let around = verifier.unreadable().iter().map(|part| part.around.get("a").copied()).collect::<Vec<_>>();
        verifier.finish(Timestamp::MIN, Timestamp(10)).map(|_| around)
    };
    let around = |after, before| Some(Around { after, before });
    assert_eq!(judge([&records[..2], &records[3..]], false), Ok(vec![around(Some(2), Some(4))]));
    assert_eq!(judge([&[], &records[3..]], false), Ok(vec![around(None, Some(4))]));
    assert_eq!(
        judge([&records[..2], &records[3..4]], true),
        Ok(vec![around(Some(2), Some(4)), around(Some(4), None)]),
        "the end is among what cannot be read"
    );
    assert_eq!(judge([&records[..2], &[]], false), Ok(vec![around(Some(2), None)]));
    assert_eq!(judge([&[], &[]], false), Ok(vec![None]));
    let broken = |sequence, why| Err(Broken { node: "a".to_owned(), sequence, why });
    assert_eq!(judge([&records[..2], &records[3..5]], false), broken(6, Why::Missing));
    assert_eq!(judge([&records[..2], &[&records[3..4], &records[5..]].concat()], false), broken(5, Why::Missing));
    assert_eq!(judge([&records[1..2], &records[3..]], false), broken(1, Why::Missing));
    records[4].detail.push('x');
    assert_eq!(judge([&records[..2], &records[3..]], false), broken(5, Why::Changed));
}
