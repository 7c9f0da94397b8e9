//! Status graphs: documents of their own, named by `orders.graphs`.

use std::fs;
use std::path::{Path, PathBuf};

use orders::{Graph, Graphs};
use stdx::Settings;

const KEY: &str = "orders.graphs";

/// Reads every document; what is wrong with one is reported to `settings` with file and line, all at once.
pub(super) fn read(settings: &mut Settings) -> Graphs {
    let doc = "Documents of status graphs, each a TOML file for one object type and version; `*` in a file name stands for any text. Without one for `order` the built-in graph holds.";
    let patterns = settings.or(KEY, Vec::<String>::new(), doc);
    let mut graphs: Vec<(PathBuf, Graph)> = Vec::new();
    for pattern in &patterns {
        let files = match files(Path::new(pattern)) {
            Ok(files) => files,
            Err(error) => {
                settings.problem(KEY, format!("has `{pattern}`, which cannot be read: {error}"));
                continue;
            }
        };
        if files.is_empty() {
            settings.problem(KEY, format!("has `{pattern}`, but there is no such file"));
        }
        for file in files {
            if let Some(graph) = document(settings, &file) {
                let same = |known: &&(PathBuf, Graph)| {
                    known.1.object() == graph.object() && known.1.valid_from() == graph.valid_from()
                };
                if let Some((other, _)) = graphs.iter().find(same) {
                    let text = format!(
                        "has two graphs of `{}` that begin at the same time: `{}` and `{}`; give one another `valid_from`",
                        graph.object(),
                        other.display(),
                        file.display()
                    );
                    settings.problem(KEY, text);
                }
                graphs.push((file, graph));
            }
        }
    }
    Graphs::new(graphs.into_iter().map(|(_, graph)| graph))
}

fn document(settings: &mut Settings, file: &Path) -> Option<Graph> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            settings.problem(KEY, format!("names `{}`, which cannot be read: {error}", file.display()));
            return None;
        }
    };
    match Graph::read(&text) {
        Ok(graph) => Some(graph),
        Err(problems) => {
            for problem in problems.to_string().lines() {
                settings.problem(KEY, format!("names `{}`: {problem}", file.display()));
            }
            None
        }
    }
}

/// The files a pattern names, in order of their names.
fn files(pattern: &Path) -> std::io::Result<Vec<PathBuf>> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((before, after)) = name.split_once('*') else {
        return Ok(if pattern.exists() { vec![pattern.to_owned()] } else { Vec::new() });
    };
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let rest = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        if rest.is_some() && entry.path().is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = "object = \"model\"\n[[status]]\nname = \"NEW\"\nowner = \"shop\"\nnext = [\"DONE\"]\n[[status]]\nname = \"DONE\"\nowner = \"shop\"\n";

    fn load(folder: &Path, pattern: &str) -> Result<Graphs, String> {
        let text = format!("[orders]\ngraphs = [\"{}/{pattern}\"]", folder.display());
        let mut settings = Settings::parse(&text, "TEST", []);
        let graphs = read(&mut settings);
        settings.finish().map_err(|problems| problems.to_string().replace(&folder.display().to_string(), "FOLDER"))?;
        Ok(graphs)
    }

    #[test]
    fn documents_are_found_by_pattern_and_versions_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.toml"), GRAPH).unwrap();
        fs::write(folder.path().join("b.toml"), format!("valid_from = \"2026-03-01\"\n{GRAPH}")).unwrap();
        fs::write(folder.path().join("c.txt"), "no graph").unwrap();
        assert_eq!(load(folder.path(), "*.toml").unwrap().versions("model").len(), 2);
        assert!(load(folder.path(), "a.toml").unwrap().get("order").is_some(), "orders keep the built-in graph");
    }

    #[test]
    fn every_problem_of_every_document_is_told_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.toml"), GRAPH.replace("DONE\"]", "GONE\"]")).unwrap();
        fs::write(folder.path().join("b.toml"), GRAPH).unwrap();
        fs::write(folder.path().join("c.toml"), GRAPH).unwrap();
        let told = load(folder.path(), "*.toml").unwrap_err();
        let want = [
            "line 2: `orders.graphs` names `FOLDER/a.toml`: line 5: `status[0].next` has `GONE`, which does not exist",
            "line 2: `orders.graphs` has two graphs of `model` that begin at the same time: `FOLDER/b.toml` and `FOLDER/c.toml`; give one another `valid_from`",
        ];
        assert_eq!(told.lines().collect::<Vec<_>>(), want);
        assert!(load(folder.path(), "none-*.toml").unwrap_err().contains("no such file"));
    }
}
