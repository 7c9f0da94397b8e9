//! How rules are evaluated.

use std::path::PathBuf;

use alert::eval::{Config, Outside, Surroundings};
use stdx::{Language, Settings};

use super::count;

/// Reads the settings of rules; what is wrong, also with the files of rules, is reported to `settings`. Links
/// in alerts begin with `links`.
pub(super) fn read(settings: &mut Settings, links: &str) -> Config {
    let usual = Config::default();
    let folder: Option<PathBuf> = settings.optional(
        "alerts.rules",
        "Folder of rule files: `FILE.yaml` of the default tenant, `TENANT/FILE.yaml` of others. Read again when they change.",
    );
    if let Some(Err(problems)) = folder.as_deref().map(alert::eval::read_folder) {
        for problem in problems.0 {
            settings.problem("alerts.rules", problem);
        }
    }
    let languages = [("en", Language::English), ("ru", Language::Russian)];
    let language = settings.choice("alerts.language", &languages, "en", "Language of the words in pictures.");
    let outside = Outside { external_url: links.to_owned(), ..Outside::default() };
    Config {
        folder,
        defaults: settings.or(
            "alerts.default_rules",
            usual.defaults,
            "Whether the rules apply that Lapidary brings along: stuck orders, failed transitions, 4xx and 5xx, silence, unusual volume, new errors.",
        ),
        query_delay: settings.or(
            "alerts.query_delay",
            usual.query_delay,
            "How much later than a moment its rules are evaluated, for lines that come late.",
        ),
        resend_delay: settings.or(
            "alerts.resend_delay",
            usual.resend_delay,
            "How often an alert that goes on firing is handed to the routes again.",
        ),
        catch_up: settings.or(
            "alerts.catch_up",
            usual.catch_up,
            "How far back moments that were missed are evaluated after a break.",
        ),
        start_delay: settings.or(
            "alerts.start_delay",
            usual.start_delay,
            "How long after the start evaluation begins, so that shippers can catch up first.",
        ),
        at_once: count(settings, "alerts.max_concurrent", usual.at_once, "Groups of rules that are evaluated at once."),
        around: Surroundings { outside, language: language.unwrap_or_default(), ..Surroundings::default() },
    }
}
