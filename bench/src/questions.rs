//! The questions: in LogQL, in LogsQL, and as a rule that tells from a line alone whether it counts.

use crate::world::{END, Needles, START};

/// What is asked, in each language, and what is right.
#[derive(Clone, Debug)]
pub struct Question {
    /// What it is called in results.
    pub name: &'static str,
    /// For Lapidary and Loki.
    pub logql: String,
    /// For VictoriaLogs.
    pub logsql: String,
    /// What the answer looks like.
    pub shape: Shape,
    /// Which lines it is about.
    pub test: Test,
    /// Place of the only service it is about, in [`crate::world::SERVICES`].
    pub service: Option<usize>,
}

/// What an answer looks like, and how it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Lines, all of them.
    Lines,
    /// The newest hundred lines; compared by their times, since several lines may share the hundredth.
    Last,
    /// One number for each value of a label; empty: one number.
    Groups(&'static str),
    /// A number for each service and five minutes.
    FiveMinutes,
    /// The ten greatest numbers.
    Top,
    /// A quantile, compared within one per cent.
    Quantile,
}

/// Whether a line counts.
#[derive(Clone, Debug)]
pub enum Test {
    /// Every one.
    All,
    /// With this text.
    Has(String),
    /// Without this text.
    Lacks(&'static str),
    /// With this trace id beside the line.
    Trace(String),
    /// About an order.
    Order,
}

const ALL: &str = "{env=\"prod\"}";
/// Place in [`crate::world::SERVICES`].
const SHOP: usize = 0;
const CRM: usize = 1;
const MES: usize = 2;
const SSHD: usize = 5;

/// Every question, in the order they are asked.
pub fn questions(needles: &Needles) -> Vec<Question> {
    let mut all = searches(needles);
    all.extend(counts());
    all
}

/// Needles, hit and absent.
fn searches(needles: &Needles) -> Vec<Question> {
    let Needles { trace, digits, order, .. } = needles;
    let find = |name, text: &str, logsql: String| Question {
        name,
        logql: format!("{ALL} |= \"{text}\""),
        logsql,
        shape: Shape::Lines,
        test: Test::Has(text.to_owned()),
        service: None,
    };
    vec![
        find("trace id in the line", trace, format!("\"{trace}\"")),
        Question {
            logql: format!("{ALL} | trace_id=\"{trace}\""),
            test: Test::Trace(trace.clone()),
            ..find("trace id as structured metadata", trace, format!("trace_id:=\"{trace}\""))
        },
        find("order_id=N as substring", &format!("order_id={order}"), format!("~\"order_id={order}\"")),
        find("11 hex digits inside a trace id", digits, format!("~\"{digits}\"")),
        find("absent word", "nosuchword", "\"nosuchword\"".to_owned()),
        find("absent substring", "xqzvj", "~\"xqzvj\"".to_owned()),
        Question {
            logql: "{service_name=\"shop-api\"}".to_owned(),
            logsql: "{service_name=\"shop-api\"} | sort by (_time desc) limit 100".to_owned(),
            shape: Shape::Last,
            test: Test::All,
            service: Some(SHOP),
            ..find("last 100 lines of a service", "", String::new())
        },
    ]
}

/// Everything that counts.
fn counts() -> Vec<Question> {
    let phrase = "Failed password for invalid user oracle";
    let count = |name, service: &str, filter: &str, logsql: &str, test, place| Question {
        name,
        logql: format!("sum(count_over_time({{service_name=\"{service}\"}} {filter} [6h]))"),
        logsql: format!("{{service_name=\"{service}\"}} {logsql} | stats count() n"),
        shape: Shape::Groups(""),
        test,
        service: Some(place),
    };
    let five_minutes = |name, filter: &str, logsql: &str, test| Question {
        name,
        logql: format!("sum by (service_name) (count_over_time({ALL} {filter} [5m]))"),
        logsql: format!("{logsql} | stats by (service_name, _time:5m) count() n"),
        shape: Shape::FiveMinutes,
        test,
        service: None,
    };
    vec![
        count(
            "phrase in a rare service",
            "sshd",
            &format!("|= \"{phrase}\""),
            &format!("\"{phrase}\""),
            Test::Has(phrase.to_owned()),
            SSHD,
        ),
        count(
            "regex with a literal, one service",
            "crm-api",
            "|~ \"status=SUBM[A-Z]+ED \"",
            "~\"status=SUBM[A-Z]+ED \"",
            Test::Has("status=SUBMITTED ".to_owned()),
            CRM,
        ),
        count(
            "negative filter, one service",
            "mes-api",
            "!= \"http_status=200\"",
            "!~\"http_status=200\"",
            Test::Lacks("http_status=200"),
            MES,
        ),
        five_minutes("count by service per 5 min", "", "*", Test::All),
        five_minutes("substring by service per 5 min", "|= \"race_id\"", "~\"race_id\"", Test::Has("race_id".to_owned())),
        Question {
            name: "json, then group",
            logql: "sum by (to) (count_over_time({service_name=\"mes-api\"} |= \"order status changed\" | json [6h]))".to_owned(),
            logsql: "{service_name=\"mes-api\"} \"order status changed\" | unpack_json fields (to) | stats by (to) count() n".to_owned(),
            shape: Shape::Groups("to"),
            test: Test::Has("order status changed".to_owned()),
            service: Some(MES),
        },
        Question {
            name: "p95 of a number cut out by regexp",
            logql: "quantile_over_time(0.95, {service_name=\"shop-api\"} |= \"duration_ms=\" | regexp \"duration_ms=(?P<ms>[0-9]+)\" | unwrap ms [6h]) by (service_name)".to_owned(),
            logsql: "{service_name=\"shop-api\"} ~\"duration_ms=\" | extract_regexp \"duration_ms=(?P<ms>[0-9]+)\" | stats quantile(0.95, ms) n".to_owned(),
            shape: Shape::Quantile,
            test: Test::Has("duration_ms=".to_owned()),
            service: Some(SHOP),
        },
        Question {
            name: "top 10 orders by metadata",
            logql: "topk(10, sum by (order_id) (count_over_time({service_name=~\"shop-api|crm-api|mes-api\"} [6h])))".to_owned(),
            logsql: "{service_name=~\"shop-api|crm-api|mes-api\"} | stats by (order_id) count() n | sort by (n desc) limit 10".to_owned(),
            shape: Shape::Top,
            test: Test::Order,
            service: None,
        },
    ]
}

impl Question {
    /// The parameters of a request in Loki's API, and its path.
    pub fn loki(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let (start, end) = (START.to_string(), END.to_string());
        let query = ("query", self.logql.clone());
        let instant = ("/loki/api/v1/query", vec![query.clone(), ("time", end.clone())]);
        let range = |rest: Vec<(&'static str, String)>| {
            let params = [query.clone(), ("start", start.clone()), ("end", end.clone())];
            ("/loki/api/v1/query_range", params.into_iter().chain(rest).collect())
        };
        match self.shape {
            Shape::Lines => range(vec![("limit", "5000".to_owned())]),
            Shape::Last => range(vec![("limit", "100".to_owned()), ("direction", "backward".to_owned())]),
            Shape::FiveMinutes => range(vec![("step", "300".to_owned())]),
            Shape::Groups(_) | Shape::Top | Shape::Quantile => instant,
        }
    }

    /// The parameters of a request in VictoriaLogs' API, and its path.
    pub fn victorialogs(&self) -> (&'static str, Vec<(&'static str, String)>) {
        let rfc = |nanos| jiff::Timestamp::from(logline::Timestamp(nanos)).to_string();
        let params = vec![("query", self.logsql.clone()), ("start", rfc(START)), ("end", rfc(END))];
        ("/select/logsql/query", params)
    }
}
