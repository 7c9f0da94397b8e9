//! Columns, cuts and bars.

use super::*;

#[test]
fn a_bar_is_as_long_as_its_part_of_the_whole() {
    let check = |part, whole, want: &str| assert_eq!(bar(part, whole, 4), want);
    check(0, 100, "");
    check(1, 1_000_000, "▏");
    check(50, 100, "██");
    check(53, 100, "██▏");
    check(100, 100, "████");
    check(200, 100, "████");
    check(5, 0, "");
}

#[test]
fn a_row_counts_columns_not_bytes_and_not_colours() {
    let mut row = Row::new(true);
    row.left(Ink::Bad, "заказ", 8).right(Ink::Plain, "×2", 4).to(14);
    assert_eq!(row.columns(), 14);
    let mut out = String::new();
    row.end(&mut out);
    assert_eq!(out, "\u{1b}[31mзаказ\u{1b}[0m     ×2\n");
}

#[test]
fn what_is_too_long_is_cut_and_shows_it() {
    assert_eq!(cut("кольцо", 6), "кольцо");
    assert_eq!(cut("кольцо", 4), "кол…");
    assert_eq!(cut("кольцо", 0), "");
}
