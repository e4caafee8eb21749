//! The routes, as the server's source writes them.

use std::fs;
use std::path::Path;

/// Where the provider's paths are named.
const PATHS: &str = "src/oidc/discovery.rs";

/// Methods and paths of the routes in `src/server/{file}.rs`, as OpenAPI writes them.
pub(super) fn of(file: &str) -> Vec<(String, String)> {
    let source = read(&format!("src/server/{file}.rs"));
    let calls: Vec<_> = source.split(".route(").skip(1).map(arguments).collect();
    assert!(!calls.is_empty(), "no routes in {file}.rs");
    calls
        .iter()
        .flat_map(|call| {
            let (path, handlers) = call.split_once(',').unwrap();
            let path = path_of(path.trim(), &source).replace("{*", "{");
            let methods =
                ["get", "post", "put", "patch", "delete"].into_iter().filter(|m| has_call(handlers, m));
            methods.map(move |method| (method.to_owned(), path.clone())).collect::<Vec<_>>()
        })
        .collect()
}

/// The sources under `folders`, one after the other.
pub(super) fn sources(folders: &[&str]) -> String {
    fn collect(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                collect(&entry, all);
            } else if entry.extension().is_some_and(|ending| ending == "rs") {
                all.push_str(&fs::read_to_string(entry).unwrap());
            }
        }
    }
    let mut all = String::new();
    folders.iter().for_each(|folder| collect(&root().join(folder), &mut all));
    all
}

/// What stands before the parenthesis that closes the call.
fn arguments(rest: &str) -> &str {
    let mut open = 1;
    let end = rest.find(|c| {
        open += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        open == 0
    });
    &rest[..end.expect("the call is closed")]
}

/// The text of a path that is written out, or named by a constant here or among the provider's.
fn path_of(argument: &str, source: &str) -> String {
    if let Some(text) = argument.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        return text.to_owned();
    }
    let name = argument.rsplit("::").next().unwrap();
    let line = format!("const {name}: &str = \"");
    let provider = read(PATHS);
    let found = [source, &provider].into_iter().find_map(|text| text.split_once(&line).map(|(_, rest)| rest));
    found.unwrap_or_else(|| panic!("what is `{argument}`?")).split('"').next().unwrap().to_owned()
}

/// Whether `get(` and the like stands in `handlers` as a name of its own.
fn has_call(handlers: &str, method: &str) -> bool {
    let call = format!("{method}(");
    handlers
        .match_indices(&call)
        .any(|(at, _)| !handlers[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
