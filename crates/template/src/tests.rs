//! What templates give, in data.

use super::*;

/// The row of all tests.
struct Row;

const LABELS: [(&str, &str); 9] = [
    ("app", "shop"),
    ("b64", "aGVsbG8="),
    ("epoch", "1700000000000"),
    ("json", r#"{"a":{"b":[1,2.5,"x"]},"n":null,"t":true}"#),
    ("level", "error"),
    ("ms", "1500ms"),
    ("n", "42"),
    ("size", "2 KB"),
    ("text", "Hello, мир!"),
];

impl Fields for Row {
    fn label(&self, name: &str) -> Option<&str> {
        LABELS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        LABELS.to_vec()
    }

    fn line(&self) -> &str {
        "GET /orders/7 took 12ms"
    }

    fn time_ns(&self) -> i64 {
        1_700_000_000_123_456_789
    }

    fn now_ns(&self) -> i64 {
        1_800_000_000_000_000_000
    }
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, want) in cases {
        let shown = match Template::parse(text).and_then(|template| template.render(&Row)) {
            Ok(text) => text,
            Err(error) => format!("E {error}"),
        };
        assert_eq!(&shown, want, "{text}");
    }
}

#[test]
fn labels_text_and_the_line_are_put_together() {
    check(&[
        ("plain", "plain"),
        ("", ""),
        ("{{.app}}-{{ .nothing }}-{{ $.level }}", "shop--error"),
        ("{{ __line__ }}!", "GET /orders/7 took 12ms!"),
        ("a {{- .app -}} b", "ashopb"),
        ("a{{/* no */}}b {{- /* no */ -}} c", "abc"),
        ("{{ \"\\u00e9\\t\\\"\\x41\" }}{{ `a\\n` }}{{ 'A' }}", "é\t\"Aa\\n65"),
        (
            "{{ 0x10 }} {{ 1_000 }} {{ -3 }} {{ 1.50 }} {{ 1e6 }} {{ 123456789.0 }} {{ 0.00001 }}",
            "16 1000 -3 1.5 1e+06 1.23456789e+08 1e-05",
        ),
        ("{{ true }} {{ printf \"%v\" (index .app 0) }}", "true 115"),
        (
            "{{ (fromJson .json).a.b }} {{ (fromJson .json).missing }} {{ (fromJson .json).n }}",
            "[1 2.5 x] <no value> <no value>",
        ),
    ]);
}

#[test]
fn blocks_choose_and_repeat() {
    check(&[
        ("{{ if .app }}yes{{ else }}no{{ end }}", "yes"),
        ("{{ if .nothing }}yes{{ else if eq .level \"error\" }}error{{ else }}no{{ end }}", "error"),
        ("{{ with .app }}{{ . }}{{ end }}{{ with .nothing }}x{{ else }}y{{ end }}", "shopy"),
        ("{{ range $i, $x := (fromJson .json).a.b }}{{ $i }}={{ $x }};{{ end }}", "0=1;1=2.5;2=x;"),
        ("{{ range $k, $v := fromJson .json }}{{ $k }} {{ end }}", "a n t "),
        ("{{ range 3 }}{{ . }}{{ end }}{{ range fromJson `[]` }}x{{ else }}none{{ end }}", "012none"),
        (
            "{{ range 9 }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ if eq . 4 }}{{ break }}{{ end }}{{ . }}{{ end }}",
            "013",
        ),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}", "2"),
        ("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .app }}", "<shop>"),
        ("{{ block \"b\" .n }}[{{ . }}]{{ end }}", "[42]"),
        (
            "{{ range . }}{{ . }},{{ end }}",
            "shop,aGVsbG8=,1700000000000,{\"a\":{\"b\":[1,2.5,\"x\"]},\"n\":null,\"t\":true},error,1500ms,42,2 KB,Hello, мир!,",
        ),
        ("{{ len . }} {{ index . \"app\" }} {{ len .text }}", "9 shop 14"),
    ]);
}

#[test]
fn texts_change() {
    check(&[
        ("{{ .text | ToLower }} {{ .text | upper }}", "hello, мир! HELLO, МИР!"),
        ("{{ .text | lower }} {{ .text | ToUpper }}", "hello, мир! HELLO, МИР!"),
        (
            "{{ Replace .app \"o\" \"0\" 1 }} {{ .app | replace \"p\" \"b\" }} {{ replace \"\" \"-\" \"ab\" }}",
            "sh0p shob -a-b-",
        ),
        (
            "{{ Trim \"xxaxx\" \"x\" }} {{ TrimLeft \"xxa\" \"x\" }} {{ TrimRight \"axx\" \"x\" }} {{ TrimSpace \" a \" }}",
            "a a a a",
        ),
        (
            "{{ TrimPrefix .app \"sh\" }} {{ TrimSuffix .app \"op\" }} {{ trimPrefix \"sh\" .app }} {{ trimSuffix \"op\" .app }}",
            "op sh op sh",
        ),
        ("{{ trimAll \"$\" \"$5.00$\" }} {{ trim \"  a \" }}", "5.00 a"),
        ("{{ title \"hello wide_world x2y-z\" }}", "Hello Wide_world X2y-Z"),
        (
            "{{ trunc 2 .app }} {{ trunc -2 .app }} {{ trunc 9 .app }} {{ substr 1 3 .app }} {{ substr -1 2 .app }} {{ substr 2 -1 .app }}",
            "sh op shop ho sh op",
        ),
        ("{{ contains \"ho\" .app }} {{ hasPrefix \"sh\" .app }} {{ hasSuffix \"x\" .app }}", "true true false"),
        ("{{ indent 2 \"a\\nb\" }}|{{ nindent 1 \"a\" }}", "  a\n  b|\n a"),
        (
            "{{ repeat 3 \"ab\" }} [{{ alignLeft 6 .app }}] [{{ alignRight 6 .app }}] [{{ alignLeft 2 .app }}] [{{ alignRight 2 .text }}]",
            "ababab [shop  ] [  shop] [sh] [р!]",
        ),
        (
            "{{ regexReplaceAll \"(o)(r)\" .level \"${2}$1\" }} {{ regexReplaceAllLiteral \"r+\" .level \"$1\" }} {{ __line__ | count \"[0-9]\" }}",
            "errro e$1o$1 3",
        ),
        (
            "{{ urlencode \"a b&ж*\" }} {{ urldecode \"a+b%26%D0%B6\" }} {{ urlquery \"a/b\" 1 }}",
            "a+b%26%D0%B6%2A a b&ж a%2Fb1",
        ),
        (
            "{{ html \"<a href='x'>&\" }} {{ js \"it's <b>\" }}",
            "&lt;a href=&#39;x&#39;&gt;&amp; it\\'s \\u003Cb\\u003E",
        ),
        ("{{ b64enc .app }} {{ b64dec .b64 }} {{ b64dec \"!\" }}", "c2hvcA== hello illegal base64 data"),
        ("{{ slice .app 1 3 }} {{ default \"none\" .nothing }} {{ .app | default \"none\" }}", "ho none shop"),
        ("{{ print .app 1 2 .level true }}|{{ println 1 \"a\" }}|", "shop1 2errortrue|1 a\n|"),
    ]);
}

#[test]
fn numbers_are_computed() {
    check(&[
        ("{{ add 1 \"2\" .n }} {{ sub 5 7 }} {{ mul 2 3 4 }} {{ div 7 2 }} {{ mod 7 -4 }}", "45 -2 24 3 3"),
        ("{{ int \"0x1F\" }} {{ int 3.9 }} {{ int \"3.00\" }} {{ int \"x\" }} {{ int true }}", "31 3 3 0 1"),
        (
            "{{ float64 \"1.25\" }} {{ addf 1 2.5 }} {{ subf 5 1.5 1 }} {{ mulf 1.5 2 }} {{ divf 1 4 }}",
            "1.25 3.5 2.5 3 0.25",
        ),
        ("{{ max 1 3 2 }} {{ min 3 1 2 }} {{ maxf 1 2.5 }} {{ minf 1 2.5 }}", "3 1 2.5 1"),
        ("{{ ceil 1.2 }} {{ floor -1.2 }} {{ round 123.5555 3 }} {{ round 2.5 0 }}", "2 -2 123.556 3"),
        (
            "{{ bytes .size }} {{ duration .ms }} {{ duration_seconds \"2m\" }} {{ bytes \"2MB\" }}",
            "2000 1.5 120 2e+06",
        ),
        ("{{ div 1 0 }}", "E template: error calling div: integer divide by zero"),
        ("{{ divf 1 0 }}", "E template: error calling divf: division by 0"),
        ("{{ bytes .app }}", "E template: error calling bytes: not a size"),
    ]);
}

#[test]
fn values_are_compared() {
    check(&[
        (
            "{{ eq .app \"x\" \"shop\" }} {{ ne 1 2 }} {{ lt 1 2 }} {{ le \"a\" \"a\" }} {{ gt 1.5 1.0 }} {{ ge 1 2 }}",
            "true true true true true false",
        ),
        ("{{ and .app .level }} {{ and .nothing .app }}| {{ or .nothing .app }} {{ not .app }}", "error | shop false"),
        ("{{ if and (ne .app \"\") (gt (int .n) 41) }}big{{ end }}", "big"),
        ("{{ or .app (div 1 0) }}", "shop"),
        ("{{ eq 1 1.0 }}", "E template: error calling eq: incompatible types for comparison"),
        ("{{ lt true false }}", "E template: error calling lt: invalid type for comparison"),
    ]);
}

#[test]
fn times_have_go_layouts() {
    check(&[
        ("{{ __timestamp__ }}", "2023-11-14 22:13:20.123456789 +0000 UTC"),
        ("{{ __timestamp__ | date \"2006-01-02T15:04:05.000Z07:00\" }}", "2023-11-14T22:13:20.123Z"),
        (
            "{{ __timestamp__ | date \"Mon Monday Jan January 2 _2 002 06 3 03 PM pm 4 5 .99 MST -0700\" }}",
            "Tue Tuesday Nov November 14 14 318 23 10 10 PM pm 13 20 .12 UTC +0000",
        ),
        (
            "{{ now | unixEpoch }} {{ unixEpochMillis __timestamp__ }} {{ unixEpochNanos __timestamp__ }}",
            "1800000000 1700000000123 1700000000123456789",
        ),
        ("{{ unixToTime .epoch }} {{ (unixToTime \"19676\").Year }}", "2023-11-14 22:13:20 +0000 UTC 2023"),
        ("{{ toDate \"2006-01-02\" \"2021-11-02\" | date \"02/01/2006\" }}", "02/11/2021"),
        ("{{ toDateInZone \"2006-01-02 15:04\" \"Europe/Moscow\" \"2021-11-02 03:00\" | unixEpoch }}", "1635811200"),
        ("{{ toDate time \"x\" }}", "E template: line:1: function \"time\" not defined"),
        ("{{ toDate \"2006-01-02\" \"no date\" }}", "0001-01-01 00:00:00 +0000 UTC"),
        ("{{ toDate \"Jan _2 2006 3:04:05PM -07:00\" \"Feb  3 2024 9:05:07PM +03:00\" | unixEpoch }}", "1706983507"),
        (
            "{{ (__timestamp__).Format \"15h\" }} {{ __timestamp__.Unix }} {{ now.UTC.Weekday }}",
            "22h 1700000000 Friday",
        ),
        (
            "{{ unixToTime \"12\" }}",
            "E template: error calling unixToTime: not a Unix time of 5, 10, 13, 16 or 19 digits",
        ),
        ("{{ date \"2006\" 0 }}", "1970"),
    ]);
}

#[test]
fn printf_knows_verbs_flags_and_widths() {
    check(&[
        ("{{ printf \"%s|%-6s|%6s|%.2s|%q\" .app .app .app .app .app }}", "shop|shop  |  shop|sh|\"shop\""),
        (
            "{{ printf \"%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%c|%U\" 42 42 42 -42 42 255 255 8 5 65 65 }}",
            "42|   42|42   |-0042|+42|ff|FF|10|101|A|U+0041",
        ),
        (
            "{{ printf \"%f|%.2f|%8.3f|%e|%g|%.3g|%g\" 1.5 1.005 3.14159 1500.0 0.1 1234.5 1e21 }}",
            "1.500000|1.00|   3.142|1.500000e+03|0.1|1.23e+03|1e+21",
        ),
        ("{{ printf \"%v %t %T %T%%\" (fromJson `[1]`) true 1 \"a\" }}", "[1] true int string%"),
        ("{{ printf \"%d %s\" .app 1 }}", "%!d(string=shop) %!s(int=1)"),
        ("{{ printf \"%d\" }} {{ printf \"%d\" 1 2 }} {{ printf \"%\" }}", "%!d(MISSING) 1%!(EXTRA int=2) %!(NOVERB)"),
        ("{{ printf \"%*d\" 4 7 }}", "   7"),
    ]);
}

#[test]
fn what_is_no_template_says_where() {
    check(&[
        ("a\n{{ .app", "E template: line:2: unclosed action"),
        ("{{ if .app }}x", "E template: line:1: unexpected EOF"),
        ("{{ end }}", "E template: line:1: unexpected {{end}}"),
        ("{{ nothing .app }}", "E template: line:1: function \"nothing\" not defined"),
        ("{{ $x }}", "E template: line:1: undefined variable \"$x\""),
        ("{{ }}", "E template: line:1: missing value for command"),
        ("{{ .app | \"x\" }}", "E template: line:1: non executable command in pipeline"),
        ("{{ break }}", "E template: line:1: {{break}} outside {{range}}"),
        ("{{ \"a }}", "E template: line:1: unterminated quoted string"),
        ("{{ 1x }}", "E template: line:1: bad number syntax: \"1x\""),
        ("{{ . ! }}", "E template: line:1: unexpected '!' in action"),
        ("{{ upper }}", "E template: wrong number of args for upper: got 0"),
        ("{{ call .app }}", "E template: error calling call: non-function of type string"),
        ("{{ upper 1 }}", "E template: error calling upper: wrong type for value; expected string; got int"),
        ("{{ .app.x }}", "E template: can't evaluate field x in type string"),
        ("{{ range .app }}{{ end }}", "E template: range can't iterate over a string"),
        ("{{ template \"no\" }}", "E template: template \"no\" not defined"),
    ]);
}

#[test]
fn what_grows_or_loops_ends() {
    let work = "E template: exceeded the work one line may cost";
    let size = "exceeded the size a text may have";
    check(&[
        ("{{ range 999999999 }}{{ end }}", work),
        (
            "{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}",
            "E template: exceeded maximum template depth",
        ),
        (
            "{{ define \"t\" }}{{ range 9 }}{{ template \"t\" }}{{ end }}{{ end }}{{ template \"t\" }}",
            "E template: exceeded maximum template depth",
        ),
        ("{{ repeat 999999999 \"ab\" }}", &format!("E template: error calling repeat: {size}")),
        ("{{ alignLeft 999999999 \"ab\" }}", &format!("E template: error calling alignLeft: {size}")),
        ("{{ printf \"%999999999d\" 1 }}", "E template: error calling printf: a field of printf is too wide"),
        ("{{ range 99999 }}{{ repeat 1000 \"ab\" }}{{ end }}", work),
        (
            "{{ $x := \"ab\" }}{{ range 999 }}{{ $x = print $x $x }}{{ end }}",
            "E template: error calling print: exceeded the work one line may cost",
        ),
    ]);
    let deep = format!("{}{}", "{{ if 1 }}".repeat(100), "{{ end }}".repeat(100));
    assert_eq!(Template::parse(&deep).unwrap_err().to_string(), "template: line:1: nests too deeply");
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(9_999), ")".repeat(9_999));
    assert_eq!(Template::parse(&deep).unwrap_err().to_string(), "template: line:1: nests too deeply");
}

#[test]
fn a_template_tells_what_it_reads() {
    let names =
        |text: &str| Template::parse(text).unwrap().names().map(|names| names.iter().cloned().collect::<Vec<_>>());
    assert_eq!(
        names("{{.a}} {{ upper .b }} {{ if $.c }}{{ (fromJson .d).e }}{{ end }}").unwrap(),
        ["a", "b", "c", "d"]
    );
    assert_eq!(names("{{ range . }}{{ end }}"), None);
    assert_eq!(names("{{ index $ \"a\" }}"), None);
    assert_eq!(names("{{ with .a }}{{ . }}{{ end }}").unwrap(), ["a"]);
    assert!(Template::parse("{{ __line__ | upper }}").unwrap().reads_line());
    assert!(!Template::parse("{{ .a }}").unwrap().reads_line());
}

#[track_caller]
fn check_alert(cases: &[(&str, &str)]) {
    let labels = [("service_name", "shop-api"), ("instance", "web.example.org:8080")];
    let labels = Value::map(labels.map(|(name, value)| (name.to_owned(), Value::text(value))));
    let data = Value::map([
        ("Labels".to_owned(), labels),
        ("Value".to_owned(), Value::Float(1_234_567.0)),
        ("Orders".to_owned(), Value::List([Value::text("7"), Value::text("9")].into())),
    ]);
    for (text, want) in cases {
        let shown = match Template::parse_alert(text).and_then(|template| template.render_data(&data, 0)) {
            Ok(text) => text,
            Err(error) => format!("E {error}"),
        };
        assert_eq!(&shown, want, "{text}");
    }
}

#[test]
fn templates_of_rules_read_data_and_a_missing_key_is_empty() {
    check_alert(&[
        ("{{ .Labels.service_name }} {{ .Labels.nothing }}!", "shop-api !"),
        ("{{ with $l := .Labels }}{{ $l.instance | stripPort }}{{ end }}", "web.example.org"),
        ("{{ .Labels.instance | stripDomain }}", "web:8080"),
        ("{{ join \", \" .Orders }} {{ first .Orders }}", "7, 9 7"),
        (r#"{{ reReplaceAll "-.*" "!" .Labels.service_name }}"#, "shop!"),
        (r#"{{ if match "^shop" .Labels.service_name }}yes{{ end }}"#, "yes"),
    ]);
    assert!(Template::parse("{{ humanize 1 }}").is_err(), "a line's templates do not know it");
}

#[test]
fn numbers_are_told_as_prometheus_tells_them() {
    check_alert(&[
        ("{{ .Value | humanize }}", "1.235M"),
        ("{{ humanize 0.0 }} {{ humanize 0.00123 }} {{ humanize 999.4 }}", "0 1.23m 999.4"),
        ("{{ humanize1024 2048.0 }} {{ humanize1024 \"1\" }}", "2ki 1"),
        ("{{ humanizeDuration 90061 }}", "1d 1h 1m 1s"),
        ("{{ humanizeDuration 3600 }} {{ humanizeDuration 61.5 }} {{ humanizeDuration 1.25 }}", "1h 0m 0s 1m 1s 1.25s"),
        ("{{ humanizeDuration 0.0125 }} {{ humanizeDuration 0 }} {{ humanizeDuration -61 }}", "12.5ms 0s -1m 1s"),
        ("{{ humanizePercentage 0.12345 }}", "12.35%"),
        ("{{ humanizeDuration 3661 | inRussian }} {{ humanizeDuration -300 | inRussian }}", "1 ч 1 мин 1 с -5 мин"),
        ("{{ \"1h30m\" | inRussian }} {{ \"0s\" | inRussian }} {{ \"250ms\" | inRussian }}", "1 ч 30 мин 0 с 250 мс"),
        ("{{ \"soon\" | inRussian }} {{ \"5 kg\" | inRussian }}{{ \"\" | inRussian }}", "soon 5 kg"),
        ("{{ humanizeTimestamp 1700000000 }}", "2023-11-14 22:13:20 +0000 UTC"),
        (r#"{{ parseDuration "1h30m" }}"#, "5400"),
    ]);
}
