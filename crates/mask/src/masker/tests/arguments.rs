//! Flags of command lines, and prose about them.

use super::{check, unchanged};

#[test]
fn the_argument_of_a_flag_is_masked() {
    check("mysql --password Zx9 -h db", "mysql --password <secret> -h db");
    check("--token hunter", "--token <secret>");
    check("run --api-key Zx9, --dbPassword letmein.", "run --api-key <secret>, --dbPassword <secret>");
    check("run --password 'Z x9' now", "run --password '<secret>' now");
    check("run --password=Zx9 --token=\"Z x\" now", "run --password=<secret> --token=\"<secret>\" now");
    check("run --password\tZx9", "run --password\t<secret>");
    check("run --token   Zx9", "run --token   <secret>");
    check("(run --token Zx9)", "(run --token <secret>)");
    check("run --пароль тайна сейчас", "run --пароль <secret> сейчас");
    check("run --full-name 'Дарья Козлова' --name 'GC'", "run --full-name '<name>' --name 'GC'");
    check("run --password /Zx9", "run --password <secret>");
    check("run --password no-one --token is9", "run --password <secret> --token <secret>");
    check("cmd=run+--password+Zx9&n=1", "cmd=run+--password+<secret>&n=1");
    check("cmd=run%20--password%20Zx9%20-h&n=1", "cmd=run%20--password%20<secret>%20-h&n=1");
    check("run --password\u{a0}Zx9", "run --password\u{a0}<secret>");
}

#[test]
fn arguments_in_json_and_in_lists_are_masked() {
    check(r#"{"cmd":"run --password Zx9 -h db"}"#, r#"{"cmd":"run --password <secret> -h db"}"#);
    check(r#"{"cmd":"run --password Zx9"}"#, r#"{"cmd":"run --password <secret>"}"#);
    check(r#"{"cmd":"run --password \"Z x9\" -h"}"#, r#"{"cmd":"run --password \"<secret>\" -h"}"#);
    check(r#"{"m":"{\"cmd\":\"run --token Zx9\"}"}"#, r#"{"m":"{\"cmd\":\"run --token <secret>\"}"}"#);
    check(r#"["run","--password","Z x9","-h"]"#, r#"["run","--password","<secret>","-h"]"#);
    check("['run', '--password', 'Z x9', '-h']", "['run', '--password', '<secret>', '-h']");
    check("[\"--token\",\n  \"Zx9\"\n]", "[\"--token\",\n  \"<secret>\"\n]");
    check(r#"{"m":"[\"--token\", \"Zx9\"]"}"#, r#"{"m":"[\"--token\", \"<secret>\"]"}"#);
}

#[test]
fn prose_about_flags_is_left() {
    unchanged("--password is required, use --token to log in, neither --password nor --token; set --password.");
    unchanged("unknown flag: --token --password; \"use --password\" or '--token' (--secret)");
    unchanged("usage: run [--password <password>] [--token {token}] [--secret] [--pin | --otp]");
    unchanged("  --password string   the password\n  --token    Token of the service\n  --secret\n");
    unchanged("flag --password requires an argument, --token не задан, --password или --token нужен");
    unchanged("run --no-password host --ask-password host --password-file x --max-tokens 5 --token-count 7");
    unchanged("a --token-- b ---token x; x--token y [\"--token\",\"--password\"] --password null");
}
