//! What facts are called in lines that are not in the house format.

use std::collections::BTreeMap;

use logline::Aliases;
use stdx::Settings;

/// Reads the names; those that cannot be are reported to `settings`.
pub(super) fn read(settings: &mut Settings) -> Aliases {
    let doc = "More names for a fact in JSON and logfmt lines, beside those in [log-lines.md](../log-lines.md): `order_id = [\"bestellnummer\"]`. What was stored before keeps its events until `lapidary orders reread`.";
    let names: BTreeMap<String, Vec<String>> = settings.map("facts", doc);
    for (fact, problem) in Aliases::problems(&names) {
        settings.problem(&format!("facts.{fact}"), problem);
    }
    Aliases::from(names)
}

#[cfg(test)]
mod tests {
    use logline::{Config, Context, Reader};

    use super::*;

    fn load(text: &str) -> Result<Aliases, String> {
        let mut settings = Settings::parse(text, "TEST", []);
        let aliases = read(&mut settings);
        settings.finish().map_err(|problems| problems.to_string())?;
        Ok(aliases)
    }

    #[test]
    fn names_are_added_to_those_that_are_known_without_configuration() {
        let aliases = load("[facts]\norder_id = [\"bestellnummer\"]\n\"*\" = [\"daten\"]").unwrap();
        let reader = Reader::new(Config { aliases, ..Config::default() });
        for line in
            [r#"{"daten":{"Bestell-Nummer":"4711"},"status":"SHIPPED"}"#, r#"{"orderId":"4711","status":"SHIPPED"}"#]
        {
            let record = reader.read(line, &Context::default());
            assert_eq!(record.subject().map(|subject| subject.id.to_owned()).as_deref(), Some("4711"), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_a_remedy() {
        let told =
            load("[facts]\norder_id = [\"nr\"]\nstatus = [\"nr\"]\nstatuss = [\"x\"]\npeer = \"y\"").unwrap_err();
        for want in [
            "line 3: `facts.status` has `nr`, which `order_id` has as well; a field tells one fact: take it out of one",
            "line 4: `facts.statuss` is no fact; there are time, kind,",
            "line 5: `facts.peer`",
        ] {
            assert!(told.contains(want), "missing: {want}\n{told}");
        }
    }
}
