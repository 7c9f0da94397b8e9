//! Who wins a name, and what becomes of the loser.

use logline::Labels;

use super::{ERROR, ERROR_DETAILS, Failure, LabelSet, Source};

fn shown(set: &LabelSet<'_>) -> String {
    let mut all: Vec<_> = set.iter().map(|(name, value, source)| format!("{name}={value}/{source:?}")).collect();
    all.sort();
    all.join(" ")
}

#[test]
fn the_stream_keeps_a_name_and_the_parser_gets_the_suffix() {
    let stream = Labels::parse(r#"{app="shop"}"#).unwrap();
    let mut set = LabelSet::new(&stream);
    set.add_metadata("app", "meta");
    assert_eq!(shown(&set), "app=shop/Stream app_extracted=meta/Metadata");
    assert!(!set.extract("app", "parsed"));
    assert!(!set.extract("app", "again"));
    assert_eq!(shown(&set), "app=shop/Stream app_extracted=parsed/Parsed");
}

#[test]
fn metadata_keeps_a_name_against_a_parser() {
    let stream = Labels::default();
    let mut set = LabelSet::new(&stream);
    set.add_metadata("level", "info");
    set.extract("level", "error");
    assert_eq!(shown(&set), "level=info/Metadata level_extracted=error/Parsed");
}

#[test]
fn the_first_parser_to_find_a_name_wins() {
    let stream = Labels::default();
    let mut set = LabelSet::new(&stream);
    assert!(set.extract("a", "1"));
    assert!(!set.extract("a", "2"));
    assert_eq!(set.get("a"), Some("1"));
}

#[test]
fn a_label_that_is_set_hides_the_stream_and_a_removed_one_is_gone() {
    let stream = Labels::parse(r#"{app="shop", env="prod"}"#).unwrap();
    let mut set = LabelSet::new(&stream);
    set.set("app", "new", Source::Parsed);
    assert_eq!(shown(&set), "app=new/Parsed env=prod/Stream");
    set.remove("app");
    set.remove("env");
    assert_eq!(shown(&set), "");
    assert_eq!(set.get("app"), None);
    set.reset(&stream);
    assert!(set.is_untouched());
    assert_eq!(set.get("app"), Some("shop"));
}

#[test]
fn errors_read_and_drop_like_labels_but_keep_never_removes_them() {
    let stream = Labels::parse(r#"{app="shop"}"#).unwrap();
    let mut set = LabelSet::new(&stream);
    set.fail(Failure::Json, "at byte 3");
    set.retain(|_, _| false);
    assert_eq!((set.get(ERROR), set.get(ERROR_DETAILS)), (Some("JSONParserErr"), Some("at byte 3")));
    set.remove(ERROR);
    assert_eq!(shown(&set), "__error_details__=at byte 3/Parsed");
}
