//! What Docker knows of a container whose log is read: `config.v2.json` beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

/// The file beside the log.
const CONFIG: &str = "config.v2.json";
/// Docker's own are a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;
/// What a service is called in a compose file, which Docker keeps among the container's labels.
const COMPOSE_SERVICE: &str = "com.docker.compose.service";

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Config", default)]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

/// Labels of the container whose log this is: `container`, its name, and `service`, if compose started it. Nothing where
/// there is no such file, or it is not ours to read.
pub(super) fn labels(log: &Path) -> Vec<(&'static str, String)> {
    let Some(container) = read(&log.with_file_name(CONFIG)) else { return Vec::new() };
    let name = container.name.trim_start_matches('/').to_owned();
    let service = container.config.labels.and_then(|mut labels| labels.remove(COMPOSE_SERVICE));
    let pairs = [("container", Some(name)), ("service", service)];
    pairs.into_iter().filter_map(|(label, value)| Some((label, value.filter(|value| !value.is_empty())?))).collect()
}

fn read(path: &Path) -> Option<Container> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, want: &[(&'static str, &str)]) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CONFIG), config).unwrap();
        let found = labels(&folder.path().join("0123-json.log"));
        let found: Vec<_> = found.iter().map(|(label, value)| (*label, value.as_str())).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn a_container_is_known_by_its_name_and_its_service() {
        let config = r#"{"ID":"01","Name":"/shop-api-1","Config":{"Image":"shop","Labels":{"com.docker.compose.service":"shop-api"}}}"#;
        check(config, &[("container", "shop-api-1"), ("service", "shop-api")]);
        check(r#"{"Name":"/alone","Config":{"Labels":null}}"#, &[("container", "alone")]);
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for config in ["", "{}", "[1]", "{\"Name\":", r#"{"Name":"","Config":{}}"#] {
            check(config, &[]);
        }
        assert!(labels(Path::new("/does/not/exist/x-json.log")).is_empty());
    }
}
