//! Rules that say what lines of free text tell.

use logline::{Extraction, Part, Rule};
use logql::{Pattern, PatternPart};
use stdx::Settings;

/// Reads the rules; what is wrong with them is reported to `settings`.
pub(super) fn read(settings: &mut Settings) -> Extraction {
    let mut earlier = Vec::new();
    settings.tables("extract").iter().filter_map(|prefix| rule(settings, prefix, &mut earlier)).collect()
}

/// Which lines a rule reads: its pattern, and the services; none for all.
struct Read {
    prefix: String,
    pattern: String,
    services: Vec<String>,
}

impl Read {
    /// Whether every line that the other rule reads is read by this one, which comes first.
    fn covers(&self, other: &Self) -> bool {
        let all = || !other.services.is_empty() && other.services.iter().all(|service| self.services.contains(service));
        self.pattern == other.pattern && (self.services.is_empty() || all())
    }
}

fn rule(settings: &mut Settings, prefix: &str, earlier: &mut Vec<Read>) -> Option<Rule> {
    let key = |name: &str| format!("{prefix}.{name}");
    let doc = "What stands in a line of free text, as in LogQL's `pattern`: `Order <order_id> moved to <to>`. Captures are facts of [log-lines.md](../log-lines.md#free-text); of several rules that fit a line the first holds.";
    let pattern: Option<String> = settings.required(&key("pattern"), doc);
    let doc = "The services whose lines it reads; without it those of all.";
    let services = settings.optional::<Vec<String>>(&key("services"), doc);
    let doc = "Facts that are the same in each such line: `set = { kind = \"STATUS\", to = \"PAID\" }`.";
    let set = settings.map::<String>(&key("set"), doc);
    if services.as_ref().is_some_and(Vec::is_empty) {
        settings.problem(&key("services"), "names no service; name one, or leave it out for all");
    }
    let pattern = pattern?;
    let services = services.unwrap_or_default();
    let read = Read { prefix: prefix.to_owned(), pattern: pattern.clone(), services: services.clone() };
    if let Some(first) = earlier.iter().find(|first| first.covers(&read)) {
        let text = format!("is read by `{}` first, so that this rule never holds; take one out", first.prefix);
        settings.problem(&key("pattern"), text);
    }
    earlier.push(read);
    let parts = match Pattern::extracting(&pattern) {
        Ok(pattern) => pattern.parts().iter().map(part).collect(),
        Err(error) => {
            settings.problem(&key("pattern"), format!("is no pattern: {error}"));
            return None;
        }
    };
    match Rule::new(services, parts, set) {
        Ok(rule) => Some(rule),
        Err(problems) => {
            for (place, problem) in problems {
                settings.problem(&key(&place), problem);
            }
            None
        }
    }
}

fn part(part: &PatternPart) -> Part {
    match part {
        PatternPart::Literal(text) => Part::Literal(text.clone()),
        PatternPart::Capture(name) => Part::Capture(name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use logline::{Config, Context, Reader};

    use super::*;

    fn load(text: &str) -> Result<Extraction, String> {
        let mut settings = Settings::parse(text, "TEST", []);
        let extraction = read(&mut settings);
        settings.finish().map_err(|problems| problems.to_string())?;
        Ok(extraction)
    }

    #[test]
    fn rules_hold_in_their_order_for_their_services() {
        let extraction = load(
            "[[extract]]\nservices = [\"legacy\"]\npattern = \"Order <order_id> paid\"\nset = { from = \"NEW\", to = \"PAID\" }\n[[extract]]\npattern = \"Order <order_id> <to>\"\n",
        );
        let reader = Reader::new(Config { extraction: extraction.unwrap(), ..Config::default() });
        for (service, want) in [("legacy", "PAID"), ("other", "paid")] {
            let record = reader.read_of(service, "12:00 Order 7 paid", &Context::default());
            assert_eq!((record.order_id(), record.status()), (Some("7"), Some(want)), "{service}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_a_remedy() {
        let told = load(
            "[[extract]]\nservices = []\npattern = \"Order <orderr> moved to <to>\"\nset = { kind = \"EVENT\" }\n[[extract]]\npattern = \"<a><b>\"\n[[extract]]\nservice = \"x\"\n",
        )
        .unwrap_err();
        for want in [
            "line 2: `extract[0].services` names no service",
            "line 3: `extract[0].pattern` captures `orderr`, which is no fact; there are time, kind,",
            "line 3: `extract[0].pattern` has `to` but does not say of which order or object: capture `<order_id>`",
            "line 4: `extract[0].set.kind` is `EVENT`",
            "line 6: `extract[1].pattern` is no pattern: found consecutive capture",
            "line 8: `extract[2].pattern` is missing",
            "line 8: `extract[2].service` is not a known key; did you mean `extract[",
        ] {
            assert!(told.contains(want), "missing: {want}\n{told}");
        }
    }

    #[test]
    fn a_rule_that_never_holds_is_told() {
        let rules = |first: &str, second: &str| {
            load(&format!(
                "[[extract]]\npattern = \"Order <order_id> paid\"\n{first}[[extract]]\npattern = \"Order <order_id> paid\"\n{second}"
            ))
        };
        for (first, second) in
            [("", ""), ("", "services = [\"b\"]\n"), ("services = [\"a\", \"b\"]\n", "services = [\"b\"]\n")]
        {
            let told = rules(first, second).unwrap_err();
            assert!(told.contains("`extract[1].pattern` is read by `extract[0]` first"), "{told}");
        }
        for (first, second) in [("services = [\"a\"]\n", ""), ("services = [\"a\"]\n", "services = [\"b\"]\n")] {
            rules(first, second).unwrap();
        }
    }
}
