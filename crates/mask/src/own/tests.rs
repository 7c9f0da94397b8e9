//! Rules of one's own: what they find, what becomes of it, and which are refused.

use crate::{Config, Counts, Masker, OwnRule, Rule, TokenKey};

fn masker(document: &str) -> Result<Masker, String> {
    let own = OwnRule::parse(document).map_err(|error| error.to_string())?;
    Masker::new(&Config { own, ..Config::default() }).map_err(|error| error.to_string())
}

#[track_caller]
fn check(document: &str, text: &str, want: &str) {
    let masker = masker(document).unwrap();
    let masked = masker.mask(text);
    assert_eq!(masked, want);
    assert_eq!(masker.mask(&masked), want, "masked twice");
}

#[track_caller]
fn refused(document: &str, want: &str) {
    assert_eq!(masker(document).map(drop).unwrap_err(), want);
}

const CONTRACT: &str = "[[rule]]\nid = \"contract\"\npattern = '\\b[A-Z]{2}-\\d{6}\\b'\n";

#[test]
fn the_rules_of_the_manual_work() {
    let manual = include_str!("../../../../docs/masking.md");
    let document = manual.split("```toml\n").find(|block| block.starts_with("[[rule]]")).unwrap();
    let document = document.split("```").next().unwrap();
    check(document, "договор AB-123455, salary=100 4111111111111111", "договор <contract:*55>, <card:*1111>");
}

#[test]
fn a_pattern_needs_its_context_and_its_validator() {
    let near = format!("{CONTRACT}context = [\"contract\"]\nwithin = 12\n");
    check(&near, "Contract: AB-123456", "Contract: <contract>");
    check(&near, "contract of the day before AB-123456", "contract of the day before AB-123456");
    check(&near, "contracts AB-123456", "contracts AB-123456");
    let valid = format!("{CONTRACT}validator = \"luhn\"\n");
    check(&valid, "AB-123456 AB-123455", "AB-123456 <contract>");
}

#[test]
fn what_a_validator_refuses_is_left_to_the_rules_behind_and_to_what_follows() {
    let document = "[[rule]]\nid = \"account\"\npattern = '\\d{6,8}'\nvalidator = \"luhn\"\n[[rule]]\nid = \"number\"\npattern = '\\d{5}'\n";
    check(document, "12345655", "<number>655");
    check(document, "x123455", "x<account>");
    check(document, "9123455", "<number>55");
    let document = "[[rule]]\nid = \"account\"\npattern = '\\d{6}'\nvalidator = \"luhn\"\n";
    check(document, "8123455", "8<account>");
}

#[test]
fn of_two_patterns_at_one_place_the_longer_counts() {
    let document = "[[rule]]\nid = \"short\"\npattern = 'AB-\\d'\n[[rule]]\nid = \"long\"\npattern = 'AB-\\d+'\n";
    check(document, "AB-1 AB-123", "<short> <long>");
}

#[test]
fn a_pattern_is_found_in_every_form() {
    check(CONTRACT, "v=AB%2D123456&n=1", "v=<contract>&n=1");
    check(CONTRACT, r#"{"m":"line\nAB-123456\n"}"#, r#"{"m":"line\n<contract>\n"}"#);
    check(CONTRACT, "data=Y29udHJhY3QgQUItMTIzNDU2 end", "data=<contract> end");
}

#[test]
fn actions_do_what_they_say() {
    let card = |action: &str| format!("[[rule]]\nid = \"card\"\n{action}\n");
    check(&card("action = { keep_last = 4 }"), "card 4111 1111 1111 1111.", "card <card:*1111>.");
    check(&card("replace = \"(card)\""), "card 4111111111111111", "card (card)");
    let salary =
        |action: &str| format!("[[rule]]\nid = \"salary\"\nkeys = [\"salary\", \"оклад\"]\naction = {action}\n");
    let dropped = salary("\"drop_field\"");
    check(&dropped, r#"{"a":1,"salary":"x","b":2}"#, r#"{"a":1,"b":2}"#);
    check(&dropped, r#"{"a":1,"salary":100}"#, r#"{"a":1}"#);
    check(&dropped, r#"{"salary":100}"#, "{}");
    check(&dropped, r#"{"m":"{\"a\":1,\"Оклад\":\"x\",\"b\":2}"}"#, r#"{"m":"{\"a\":1,\"b\":2}"}"#);
    check(&dropped, "a=1 salary=100 b=2", "a=1 b=2");
    check(&dropped, "a=1 salary=100", "a=1");
    check(&dropped, "?a=1&salary=5&b=2", "?a=1&b=2");
    check(&salary("\"replace\""), "salary=100 b=2", "salary=<salary> b=2");
    check("[[rule]]\nid = \"email\"\naction = \"drop_field\"\n", "mail ivan@x.ru, email=ivan@x.ru", "mail <email>");
}

#[test]
fn a_line_is_dropped_as_a_whole_and_elsewhere_replaced() {
    let masker = masker("[[rule]]\nid = \"card\"\naction = \"drop_line\"\n").unwrap();
    let mut counts = Counts::default();
    assert_eq!(masker.mask_line("paid by 4111111111111111", &mut counts), None);
    assert_eq!(masker.mask_line("paid", &mut counts).unwrap(), "paid");
    assert_eq!(masker.mask_value("note", "by 4111111111111111", &mut counts), "<card>");
    assert_eq!(counts.get("card"), 2);
}

#[test]
fn own_rules_make_tokens_of_their_own_class() {
    let own = OwnRule::parse(CONTRACT).unwrap();
    let keys =
        |versions: &[u16]| versions.iter().map(|v| TokenKey::new(*v, &[v.to_le_bytes()[0]; 16]).unwrap()).collect();
    let config = Config { own, token_keys: keys(&[2, 1]), ..Config::default() };
    let masker = Masker::new(&config).unwrap();
    let tokens = Masker::tokens(&config, "contract", "ab-123456").unwrap().unwrap();
    assert_eq!(masker.mask("AB-123456"), tokens[0]);
    assert!(tokens[0].starts_with("<contract:v2:") && tokens[1].starts_with("<contract:v1:"), "{tokens:?}");
    let before = Masker::new(&Config { token_keys: keys(&[1]), ..config.clone() }).unwrap();
    assert_eq!(before.mask("AB-123456"), tokens[1], "what was masked before the change is found");
    assert_eq!(masker.mask(&tokens[1]), tokens[1]);
    assert_eq!(Masker::tokens(&config, "secret", "x").unwrap(), None);
}

#[test]
fn tests_in_a_rule_are_run_and_name_it() {
    refused(
        &format!("{CONTRACT}[rule.tests]\nmatch = [\"AB-123456\", \"AB-12\"]\n"),
        "rule `contract` fails its test `match[1]`: it finds nothing there",
    );
    refused(
        &format!("{CONTRACT}[rule.tests]\nno_match = [\"AB-123456\"]\n"),
        "rule `contract` fails its test `no_match[0]`: it finds something there",
    );
    assert!(masker("[[rule]]\nid = \"card\"\n[rule.tests]\nmatch = [\"4111111111111111\"]\n").is_ok());
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    refused("[[rule]]\nid = \"x\"\n", "rule `x` needs either a `pattern` or `keys`");
    refused(
        "[[rule]]\nid = \"X y\"\nkeys = [\"a1\"]\n",
        "rule `X y` needs an id of small letters, digits and `_`, a letter first, at most 40",
    );
    refused(
        "[[rule]]\nid = \"card\"\npattern = 'x'\n",
        "rule `card` is built in: only `action`, `replace` and `tests` can be set",
    );
    refused("[[rule]]\nid = \"x\"\npattern = 'a*'\n", "rule `x` has a pattern that matches nothing at all");
    refused(
        "[[rule]]\nid = \"x\"\nkeys = [\"a1\"]\ncontext = [\"b\"]\n",
        "rule `x` goes by keys, so neither `validator` nor `context` can be set",
    );
    refused(
        "[[rule]]\nid = \"x\"\nkeys = [\"a1\"]\naction = { keep_last = 9 }\n",
        "rule `x` keeps the last 9, but may keep 1 to 5",
    );
    refused(
        "[[rule]]\nid = \"x\"\nkeys = [\"a1\"]\nreplace = 'a\"b'\n",
        "rule `x` needs a `replace` of at most 64 bytes without quotes, backslashes and control characters",
    );
    refused(&format!("{CONTRACT}{CONTRACT}"), "rule `contract` stands there twice");
    let problem = masker("[[rule]]\nid = \"x\"\npattern = '(a'\n").unwrap_err();
    assert!(problem.starts_with("rule `x` has a bad pattern: "), "{problem}");
    let problem = masker("[[rule]]\nid = \"x\"\npattern = '(\\w{1000}){1000}'\n").unwrap_err();
    assert!(problem.starts_with("rule `x` has a bad pattern: "), "{problem}");
    let problem = masker("[[rule]]\nid = \"x\"\npatern = 'a'\n").unwrap_err();
    assert!(problem.starts_with("the rules cannot be read: line 3: unknown field `patern`"), "{problem}");
}

#[test]
fn a_rule_that_overruns_its_limit_fails_closed() {
    let masker = masker("[[rule]]\nid = \"x\"\npattern = '[0a]{4}'\nvalidator = \"luhn\"\n").unwrap();
    let mut counts = Counts::default();
    assert_eq!(masker.mask_with_counts(&"0".repeat(20_000), &mut counts), "[MASK-ERROR len=20000]");
    assert_eq!((counts.errors(), counts.total()), (1, 0));
}

#[test]
fn patterns_cost_linear_time() {
    let masker = masker("[[rule]]\nid = \"x\"\npattern = '(a+)+b|[a-z]+@'\n").unwrap();
    assert_eq!(masker.hits(&"a".repeat(100_000)).len(), 0);
    assert!(masker.rule_names().any(|name| name == "x") && masker.rule_names().any(|name| name == Rule::Email.name()));
}

#[test]
fn all_that_is_wrong_with_rules_is_told() {
    let document = "[[rule]]\nid = \"x\"\npatern = 'a'\n[[rule]]\nid = \"y\"\npattern = '(a'\n\n[[rule]]\nid = \"z\"\n\
                    within = \"far\"\nkeys = [\"k\"]\n[[rule]]\nid = \"w\"\npattern = 'w+'\n[rule.tests]\nmatch = [\"x\"]\n[[rlue]]\nid = \"v\"\n";
    let (own, problems) = OwnRule::parse_all(document);
    let mut told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let config = Config { own, ..Config::default() };
    let lines = Masker::problems(&config).into_iter().map(|(place, error)| {
        let line = place.and_then(|place| Some(config.own.get(place)?.line()));
        format!("{line:?}: {error}")
    });
    told.extend(lines);
    told.sort();
    let want = [
        "Some(12): rule `w` fails its test `match[0]`",
        "Some(4): rule `y` has a bad pattern",
        "the rules cannot be read: line 10: invalid type",
        "the rules cannot be read: line 17: unknown field `rlue`",
        "the rules cannot be read: line 3: unknown field `patern`",
    ];
    assert!(told.iter().zip(want).all(|(told, want)| told.starts_with(want)) && told.len() == want.len(), "{told:#?}");
}
