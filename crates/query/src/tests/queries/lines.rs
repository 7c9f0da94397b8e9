//! The lines that all queries of the table are asked about: of every kind, well made and broken, no two at one time.

use crate::tests::world::{Line, line};

pub(super) fn lines() -> Vec<Line> {
    let mut lines = plain();
    lines.extend(odd());
    lines
}

/// Lines as services write them.
fn plain() -> Vec<Line> {
    let mut lines = Vec::new();
    for n in 0..60_u32 {
        let env = if n % 3 == 0 { "prod" } else { "test" };
        let level = ["info", "error", "warn"][usize::try_from(n % 7 % 3).unwrap()];
        let (app, text) = match n % 6 {
            0 => (
                "json",
                format!(
                    r#"{{"level":"{level}","n":{},"nested":{{"deep":"d{n}","x-y":true}},"list":["l{n}",2],"none":null}}"#,
                    n % 9
                ),
            ),
            1 | 4 => {
                let trace = if n % 4 == 0 { " trace_id=own" } else { "" };
                let app = if n % 5 == 0 { " app=x" } else { "" };
                ("logfmt", format!("level={level} n={} took={}ms size={}KiB empty={trace}{app}", n % 9, n % 6, n % 4))
            }
            2 => (
                "acc",
                format!(
                    "{} {} /orders/{n} took {}ms",
                    ["10.0.0.1", "10.0.0.2", "10.1.0.9", "2001:db8::7"][usize::try_from(n % 4).unwrap()],
                    ["GET", "POST", "PUT"][usize::try_from(n % 3).unwrap()],
                    n % 8
                ),
            ),
            3 => (
                "mixed",
                ["just words", "GET /x took 7.5", "level=error =broken n=3", "[not json"]
                    [usize::try_from(n % 4).unwrap()]
                .to_owned(),
            ),
            _ if n % 4 == 1 => ("packed", format!(r#"{{"_entry":"inner {n}","pod":"p{n}","env":"packed"}}"#)),
            _ => ("colour", format!("\u{1b}[31mred {n}\u{1b}[0m")),
        };
        let mut new = line(f64::from(n) * 5.3 + 0.25, &format!(r#"{{app="{app}", env="{env}"}}"#), &text);
        if n % 4 == 0 {
            new = new.with("trace_id", &format!("t{}", n % 3));
        }
        if n % 10 == 0 {
            new = new.with("pod", "pod-1").with("env", "elsewhere");
        }
        lines.push(new);
    }
    // Exactly at the end of a window, and a nanosecond or so later.
    lines.extend([60.0, 120.0, 120.000_001].map(|second| line(second, r#"{app="border", env="prod"}"#, "x")));
    lines
}

const DOCUMENTS: [&str; 16] = [
    r#"{"level":"warn","level":"second","n":1e2,"app":"inner","deep":{"a":{"b":"x"},"n":3,"n":4},"ok":false}"#,
    r#"  {"a b":"space","9z":"digit","ж":"letter","x.y":1,"":"nothing","a-b":"dash"}"#,
    r#"{"level":"error","n":7,"bad": tru}"#,
    r#"{"level":"error","n":7,"deep":{"a":1,"b":"never ends"#,
    r#"{"level":"info","n":5} and more"#,
    "[1,2]",
    r#""only a text""#,
    "42",
    "{}",
    r#"{"list":[{"k":"v"},[1,2],"s",null],"nested":{"deep":null,"x-y":2.50},"deep":{"a":["b"]}}"#,
    r#"{"trace_id":"of json","env":"inner","env_extracted":"direct","trace_id_extracted":"direct"}"#,
    r#"{"esc":"a\"b\\c\n","uni":"\u0436\ud83d\ude00","slash":"a\/b","level":""}"#,
    r#"{"level":"info" "n":5}"#,
    r#"{"level":"debug","n":-0.5,"big":123456789012345678901234567890,"nested":{}}"#,
    r#"{"_entry":"unpacked level=warn n=8","level":"packed","n":6,"trace_id":"packed"}"#,
    r#"{"n":3,"level":"info","__line__":"x"}"#,
];
const PAIRS: [&str; 12] = [
    r#"level=info msg="two words" n=5 path="/a?b=c&d" q="say \"hi\"" tab="a\tb""#,
    r#"level=warn level=second n n=6 alone empty= =bad 9z=digit x.y=dot "quoted key"=1 after=it"#,
    r#"n=2 msg="never ends level=error"#,
    "ключ=значение level=debug n=4 msg=привет",
    r#"a=b=c level=error x"y=1 n=4 msg=last"#,
    "   \t n=7   level=info  ",
    r#"n=1 msg="" level="error""#,
    r#"n=3 msg="bad \q escape" level=info"#,
    "level=error trace_id=of-logfmt env=inner env_extracted=direct n=9",
    "a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 n=0 level=warn",
    r#"msg="one""two" n=6 level=info"#,
    "==== level=error n=8",
];
const AMOUNTS: [(&str, &str, &str); 12] = [
    ("1.5h", "3kb", "0x10"),
    ("1h15m", "1.5MiB", "1e3"),
    ("300ms", "10", "-2.5"),
    ("2us", r#""2 GB""#, "NaN"),
    ("-3s", r#""1,024""#, "+4"),
    ("0", "5XB", "7."),
    ("5", "0B", "Inf"),
    ("1d", "1kIb", ".5"),
    ("1m30.5s", "2K", ""),
    ("7µs", "1Gi", "8"),
    (r#""1 s""#, "-1KB", "1_000"),
    ("9ns", "4tb", "9"),
];
const VISITS: [&str; 10] = [
    r#"10.0.0.7 - - "GET /a HTTP/1.1" 200 512"#,
    r#"192.168.1.5:8080 - - "POST /b HTTP/1.1" 500 17"#,
    r#"[2001:db8::9]:443 - - "GET /c?x=<y> HTTP/2" 404 0"#,
    "",
    "   ",
    "ошибка: таймаут GET /д",
    "GET",
    "a GET b GET c",
    r#"10.0.0.300 - - "PUT /e" 201 1"#,
    "::ffff:10.0.0.1 and 10.0.0.4, 10.0.0.5.",
];

/// Lines that are wrong, rare or full of what others leave out.
fn odd() -> Vec<Line> {
    let amounts: Vec<_> =
        AMOUNTS.iter().map(|(took, size, v)| format!("took={took} size={size} v={v} of=unit")).collect();
    let texts = [
        ("doc", DOCUMENTS.iter().map(|text| (*text).to_owned()).collect()),
        ("kv", PAIRS.iter().map(|text| (*text).to_owned()).collect()),
        ("unit", amounts),
        ("web", VISITS.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()),
    ];
    let all = texts.into_iter().flat_map(|(app, texts)| texts.into_iter().map(move |text| (app, text)));
    let line = |(n, (app, text)): (u32, (&str, String))| {
        let labels = match n % 5 {
            0 => format!(r#"{{app="{app}", env="prod", zone="eu-1"}}"#),
            1 => format!(r#"{{app="{app}", env="prod"}}"#),
            2 => format!(r#"{{app="{app}", env="test", zone="us-2"}}"#),
            _ => format!(r#"{{app="{app}", env="test"}}"#),
        };
        let new = line(f64::from(n) * 5.9 + 0.123, &labels, &text);
        match n % 6 {
            0 => new.with("trace_id", "t1").with("env", "of metadata"),
            2 => new.with("pod", "pod-2").with("user", "jo"),
            4 => new.with("order_id", &format!("{}", n % 3)).with("n", "77"),
            _ => new,
        }
    };
    (0_u32..).zip(all).map(line).collect()
}
