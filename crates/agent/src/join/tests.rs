//! Lines in, events out; and the places that go along.

use proptest::prelude::*;
use stdx::{Clock, SystemClock};

use super::*;

fn joiner(by: By) -> Joiner {
    Joiner::new(Join { by, timeout: Duration::from_secs(1), max_bytes: 1000 })
}

fn piece(text: &str, from: u64) -> Piece<'_> {
    let to = from + text.len() as u64 + 1;
    Piece { text, total: None, from, to, time: None, output: Output::Stdout, is_partial: false }
}

fn events(by: By, text: &str) -> Vec<String> {
    let mut joiner = joiner(by);
    let now = SystemClock.instant();
    let mut at = 0;
    for line in text.lines() {
        let piece = piece(line, at);
        at = piece.to;
        joiner.push(piece, now);
    }
    joiner.finish();
    let (events, end) = joiner.take(at);
    assert_eq!(end, at);
    events.into_iter().map(|event| event.text).collect()
}

#[track_caller]
fn check(languages: &[Language], blocks: &[&str]) {
    let text = blocks.join("\n");
    assert_eq!(events(By::Traces(languages.to_vec()), &text), blocks);
    let all = Language::ALL.map(|(_, language)| language).to_vec();
    assert_eq!(events(By::Traces(all), &text), blocks, "with all languages");
}

#[test]
fn java_traces_stay_with_their_line() {
    let trace = "12:00 ERROR failed\njava.lang.IllegalStateException: no stone\n\tat shop.Order.cut(Order.java:7)\n\t\
                 at shop.Main.main(Main.java:1)\nCaused by: java.io.IOException: disk\n\tat shop.Disk.read(Disk.java:3)\n\t\
                 ... 2 more\n\tSuppressed: java.lang.Exception: x\n\t\tat a.B.c(D.java:1)";
    check(&[Language::Java], &["12:00 INFO before", trace, "12:01 INFO after", "12:02 at noon"]);
}

#[test]
fn csharp_traces_stay_with_their_line() {
    let trace = "fail: Crm[0] saving\nSystem.InvalidOperationException: bad\n ---> System.Exception: inner\n   \
                 at Crm.Db.Save() in /src/Db.cs:line 5\n   --- End of inner exception stack trace ---\n   \
                 at Crm.Api.Post()\n--- End of stack trace from previous location ---\n   at Crm.Main()";
    check(&[Language::CSharp], &["info: before", trace, "info: after"]);
}

#[test]
fn python_traces_stay_with_their_line_also_when_they_are_chained() {
    let trace = "ERROR:root:failed\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    \
                 cut()\nKeyError: 'ring'\n\nDuring handling of the above exception, another exception occurred:\n\n\
                 Traceback (most recent call last):\n  File \"b.py\", line 2\nValueError: bad";
    check(&[Language::Python], &["INFO:root:before", trace, "INFO:root:after"]);
}

#[test]
fn go_traces_stay_together() {
    let trace = "panic: runtime error: index out of range\n[signal SIGSEGV: segmentation violation]\n\n\
                 goroutine 1 [running]:\nmain.cut(0xc000012345, 0x1)\n\t/src/main.go:7 +0x1d\nmain.main()\n\t\
                 /src/main.go:12 +0x2a\ncreated by main.start in goroutine 1\n\t/src/main.go:3 +0x1\nexit status 2";
    check(&[Language::Go], &["2026/01/01 before", trace, "2026/01/01 after"]);
}

#[test]
fn a_panic_that_a_server_of_go_survives_stays_together() {
    let trace = "2026/11/27 07:00:00 http: panic serving 127.0.0.1:51234: runtime error: index out of range [3]\n\
                 goroutine 34 [running]:\n\
                 net/http.(*conn).serve.func1()\n\t/usr/local/go/src/net/http/server.go:1947 +0xbe\n\
                 panic({0x6a1b20?, 0xc0000181b0?})\n\t/usr/local/go/src/runtime/panic.go:792 +0x132\n\
                 main.Map[...](0xc000014a40, 0x3)\n\t/src/main.go:11 +0x1d\n\
                 main.Set[...].Add(...)\n\t/src/set.go:5\n\
                 gopkg.in/yaml%2ev3.(*Decoder).Decode(0xc00012e000, {0x662ac0, 0xc00011c000})\n\t\
                 /go/pkg/mod/gopkg.in/yaml.v3@v3.0.1/yaml.go:123 +0x140\n\
                 git.sr.ht/~anna/stones.cut({0x7, 0x8})\n\t/src/stones.go:7 +0x44\n\
                 ...additional frames elided...\n\
                 created by net/http.(*Server).Serve in goroutine 1\n\t/usr/local/go/src/net/http/server.go:3454 +0x485";
    let after = "[INFO][shop.Orders](4711)";
    check(&[Language::Go], &["2026/11/27 06:59:59 before", trace, after, "panicked (not really)"]);
}

#[test]
fn groups_of_python_end_where_they_are_closed() {
    let trace = "ERROR:root:failed\n  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 9, in <module>\n  \
                 |     cut()\n  | ExceptionGroup: stones (3 sub-exceptions)\n  \
                 +-+---------------- 1 ----------------\n    | ValueError: 1\n    \
                 +---------------- 2 ----------------\n    | ExceptionGroup: inner (1 sub-exception)\n    \
                 +-+---------------- 1 ----------------\n      | Traceback (most recent call last):\n      \
                 |   File \"b.py\", line 2\n      | TypeError: 2\n      +------------------------------------\n    \
                 | in the outer one again\n    +---------------- 3 ----------------\n    | KeyError: 3\n    \
                 +------------------------------------";
    let second = "2026-11-27T07:00:01Z ERROR group\n  + Exception Group Traceback (most recent call last):\n  \
                  | ExceptionGroup: x (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | KeyError: 1\n    \
                  +------------------------------------\n\nThe above exception was the direct cause of the following exception:\n\n\
                  Traceback (most recent call last):\n  File \"c.py\", line 1\nRuntimeError: y";
    check(
        &[Language::Python],
        &["INFO:root:before", trace, "2026-11-27T07:00:01Z INFO after group", second, "INFO:root:x"],
    );
}

#[test]
fn patterns_tell_where_an_event_begins_or_goes_on() {
    let text = "2026 one\n  two\n\nthree\n2026 four";
    assert_eq!(events(By::Start(Regex::new(r"^\d{4} ").unwrap()), text), ["2026 one\n  two\n\nthree", "2026 four"]);
    assert_eq!(events(By::Next(Regex::new(r"^\s").unwrap()), text), ["2026 one\n  two", "", "three", "2026 four"]);
}

#[test]
fn empty_lines_behind_an_event_are_no_part_of_it() {
    assert_eq!(events(By::Start(Regex::new("^a").unwrap()), "a\n\n\na\n\nb\n\n"), ["a", "a\n\nb"]);
}

#[test]
fn an_event_ends_by_time_and_by_size() {
    let mut joiner = joiner(By::Start(Regex::new("^a").unwrap()));
    let now = SystemClock.instant();
    joiner.push(piece("a", 0), now);
    joiner.expire(now + Duration::from_millis(900));
    assert_eq!(joiner.take(2), (Vec::new(), 0));
    joiner.push(piece("b", 2), now + Duration::from_millis(900));
    joiner.expire(now + Duration::from_millis(1800));
    assert!(joiner.is_waiting());
    joiner.expire(now + Duration::from_millis(1900));
    let (events, end) = joiner.take(4);
    assert_eq!((events[0].text.as_str(), end, joiner.is_waiting()), ("a\nb", 4, false));
    let long = "x".repeat(600);
    joiner.push(piece(&long, 4), now);
    joiner.push(piece(&long, 605), now);
    joiner.push(piece(&long, 1206), now);
    let (events, end) = joiner.take(1807);
    assert_eq!((events.len(), events[0].text.len(), end), (1, 1201, 1206));
}

#[test]
fn partial_lines_of_two_outputs_are_put_together_and_wait_for_each_other() {
    let mut joiner = joiner(By::Nothing);
    let now = SystemClock.instant();
    let mut at = 0;
    let mut push = |joiner: &mut Joiner, text: &str, output, is_partial| {
        let piece = Piece { output, is_partial, ..piece(text, at) };
        at = piece.to;
        joiner.push(piece, now);
        let (events, end) = joiner.take(at);
        (events.into_iter().map(|event| event.text).collect::<Vec<_>>(), end == at)
    };
    let (out, err) = (Output::Stdout, Output::Stderr);
    assert_eq!(push(&mut joiner, "one ", out, true), (vec![], false));
    assert_eq!(push(&mut joiner, "err", err, false), (vec![], false));
    assert_eq!(push(&mut joiner, "two ", out, true), (vec![], false));
    assert_eq!(push(&mut joiner, "three", out, false), (vec!["one two three".to_owned(), "err".to_owned()], true));
    assert_eq!(push(&mut joiner, "next", out, false), (vec!["next".to_owned()], true));
}

proptest! {
    /// Reading again from any place that was given loses nothing and repeats nothing.
    #[test]
    fn a_restart_at_a_given_place_goes_on_exactly_there(
        lines in proptest::collection::vec(("[ab]{0,3}", any::<bool>(), any::<bool>()), 0..40),
        by in prop_oneof![Just(By::Nothing), Just(By::Start(Regex::new("^a").unwrap()))],
    ) {
        let now = SystemClock.instant();
        let mut at = 0;
        let mut pieces = Vec::new();
        for (text, is_stderr, is_partial) in &lines {
            let output = if *is_stderr { Output::Stderr } else { Output::Stdout };
            let piece = Piece { output, is_partial: *is_partial, ..piece(text, at) };
            at = piece.to;
            pieces.push(piece);
        }
        let mut whole = joiner(by.clone());
        let mut got = Vec::new();
        let mut place = 0;
        for piece in &pieces {
            whole.push(*piece, now);
            let (events, end) = whole.take(piece.to);
            prop_assert!(events.iter().all(|event| place <= event.from && event.to <= end));
            got.extend(events);
            place = end;
            // Another one that begins here sees what this one has not given out.
            let mut again = joiner(by.clone());
            for piece in pieces.iter().filter(|other| place <= other.from && other.to <= piece.to) {
                again.push(*piece, now);
            }
            prop_assert_eq!(again.take(piece.to), (Vec::new(), place));
        }
        whole.finish();
        let (rest, end) = whole.take(at);
        prop_assert_eq!(end, at);
        got.extend(rest);
        let bytes = |text: &str| text.bytes().filter(|byte| *byte != b'\n').count();
        prop_assert_eq!(
            got.iter().map(|event| bytes(&event.text)).sum::<usize>(),
            lines.iter().map(|(text, ..)| bytes(text)).sum::<usize>()
        );
    }
}
