//! Cases for cutting a text into fields.

use proptest::prelude::*;

use super::*;

#[test]
fn escapes_mean_one_character() {
    let read = |text| unescape(text).0.into_owned();
    assert_eq!(read(r#"\n\r\t\b\f\"\\\/\]"#), "\n\r\t\u{8}\u{c}\"\\/]");
    assert_eq!(read(r"\u0416\ud83d\udc8e"), "Ж💎");
    assert_eq!(read(r"\u+041\ud83d\u0041\ud83dЖ\u12"), r"\u+041\ud83dA\ud83dЖ\u12");
    assert_eq!(read("\\"), "\\");
    assert_eq!(read("\\Ж"), "\\Ж");
}

#[test]
fn a_text_without_escapes_is_not_copied() {
    assert!(matches!(unescape("plain Ж"), (Cow::Borrowed("plain Ж"), true)));
}

proptest! {
    #[test]
    fn fields_come_in_order_and_lie_inside_the_text(text in "[a=\" {}\\[\\]\\\\\nЖ]{0,40}") {
        let mut last = 0;
        for token in Fields::new(&text, 8) {
            if let Token::Field(key, raw) = token {
                let start = key.as_ptr() as usize - text.as_ptr() as usize;
                let end = raw.as_str().as_ptr() as usize - text.as_ptr() as usize + raw.as_str().len();
                prop_assert!(last <= start && start < end && end <= text.len());
                last = end;
            }
        }
    }
}
