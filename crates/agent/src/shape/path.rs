//! Labels from a file's path: named pieces, the groups of a pattern, or what container runtimes write into their paths.

use std::path::Path;

use regex::Regex;

/// Finds labels in paths.
#[derive(Clone, Debug)]
pub(crate) struct PathLabels(Vec<Regex>);

/// `/var/log/pods/<namespace>_<pod>_<uid>/<container>/<n>.log`, and the links to those in `/var/log/containers`.
const PODS: [&str; 2] = [
    r"/pods/(?<namespace>[^/_]+)_(?<pod>[^/_]+)_(?<pod_uid>[^/]+)/(?<container>[^/]+)/[^/]*$",
    r"/containers/(?<pod>[^/_]+)_(?<namespace>[^/_]+)_(?<container>.+)-[0-9a-f]{64}\.log$",
];
/// `/var/lib/docker/containers/<id>/<id>-json.log`: the first twelve digits, as `docker ps` shows them.
const DOCKER: &str = r"/containers/(?<container_id>[0-9a-f]{12})[0-9a-f]{52}/[^/]*$";

impl PathLabels {
    /// Paths of Docker and Kubernetes.
    pub(crate) fn containers() -> Self {
        let pattern = |text: &str| Regex::new(text).expect("a constant pattern");
        Self(PODS.iter().copied().chain([DOCKER]).map(pattern).collect())
    }

    /// `/var/log/{env}/{service}.log`, where `{…}` is a piece without `/`, or a pattern with groups `(?<env>…)`.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let pattern = if text.contains("(?<") || text.contains("(?P<") { text.to_owned() } else { pieces(text)? };
        let regex = Regex::new(&pattern).map_err(|error| format!("is no pattern: {error}"))?;
        if regex.capture_names().flatten().next().is_none() {
            return Err("names no label; want `/var/log/{service}.log` or a pattern with `(?<service>…)`".to_owned());
        }
        Ok(Self(vec![regex]))
    }

    /// What the path says; nothing if it does not fit.
    pub(crate) fn of(&self, path: &Path) -> Vec<(String, String)> {
        let path = path.to_string_lossy();
        let found = self.0.iter().find_map(|regex| Some((regex, regex.captures(&path)?)));
        let Some((regex, captures)) = found else { return Vec::new() };
        let pair = |name: &str| captures.name(name).map(|group| (name.to_owned(), group.as_str().to_owned()));
        regex.capture_names().flatten().filter_map(pair).collect()
    }
}

/// A path with pieces in braces, as a pattern. `*` stands for characters of a name, `**` for folders.
fn pieces(text: &str) -> Result<String, String> {
    let mut pattern = String::from("^");
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or("has a `{` without `}`")?;
        literal(before, &mut pattern);
        pattern.push_str(&format!("(?<{name}>[^/]+?)"));
        rest = behind;
    }
    literal(rest, &mut pattern);
    Ok(pattern + "$")
}

fn literal(text: &str, pattern: &mut String) {
    for (index, part) in text.split("**").enumerate() {
        pattern.push_str(if index > 0 { ".*" } else { "" });
        pattern.push_str(&regex::escape(part).replace(r"\*", "[^/]*"));
    }
}
