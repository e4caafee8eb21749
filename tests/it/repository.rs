//! What the documents promise of the repository, compared with the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are made, not written.
const MADE: &[&str] = &["target", ".git", "data", "node_modules", "corpus", "artifacts"];

#[test]
fn every_path_that_the_architecture_names_exists() {
    let text = read("ARCHITECTURE.md");
    let named: BTreeSet<String> =
        code_spans(&text).into_iter().flat_map(expand_braces).filter(|span| is_path(span)).collect();
    assert!(named.len() >= 30, "expected the map of a whole house, found {} paths", named.len());
    let missing: Vec<_> = named.iter().filter(|path| !exists_somewhere(path)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what is not there: {missing:?}");
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    for document in ["docs/incidents.md", "docs/security-checklist.md"] {
        let (mut rows, mut named) = (0, 0);
        for row in guarded_rows(&read(document)) {
            rows += 1;
            let mut text = None;
            for span in code_spans(&row.guards) {
                if has_ending(Path::new(&span), "rs") {
                    assert!(exists_somewhere(&span), "{document}: `{span}` is not there: {}", row.what);
                    text = Some(read_somewhere(&span));
                } else if let Some(text) = &text {
                    named += 1;
                    assert!(
                        text.contains(&format!("fn {span}(")),
                        "{document}: no test `{span}`: {}",
                        row.what
                    );
                }
            }
            let before = row.guards.contains("the same test");
            assert!(text.is_some() || before, "{document}: nothing guards: {}", row.what);
        }
        assert!(
            rows > 30 && named > rows / 2,
            "{document}: expected its tables, found {rows} rows, {named} tests"
        );
    }
}

#[test]
fn calls_out_are_made_in_one_place() {
    // The tour and the browser call this server itself.
    let open = ["src/flows/outbound.rs", "src/browser.rs", "src/commands/tour/"];
    for (file, text) in texts().into_iter().filter(|(file, _)| has_ending(file, "rs")) {
        let name = short(&file);
        if !name.starts_with("src/") || open.iter().any(|place| name.starts_with(place)) {
            continue;
        }
        for client in ["reqwest::", "TcpStream::connect", "hyper::client", "UdpSocket::"] {
            let product = text.split("#[cfg(test)]").next().unwrap();
            assert!(
                !product.contains(client),
                "{name}: `{client}` goes past the limits of src/flows/outbound.rs"
            );
        }
    }
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut checked = 0;
    for file in files().iter().filter(|file| has_ending(file, "md")) {
        for target in links(&fs::read_to_string(file).unwrap()) {
            checked += 1;
            let path = file.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(path.exists(), "{} links to `{target}`, which is not there", short(file));
        }
    }
    assert!(checked > 0, "no document links to another");
}

#[test]
fn each_document_in_two_languages_says_as_much_in_both() {
    let chinese: Vec<PathBuf> =
        files().into_iter().filter(|file| short(file).ends_with(".zh-CN.md")).collect();
    assert!(chinese.iter().any(|file| short(file) == "README.zh-CN.md"), "expected README.zh-CN.md");
    for file in chinese {
        let english = PathBuf::from(file.to_str().unwrap().replace(".zh-CN.md", ".md"));
        let original = fs::read_to_string(&english).expect("the English twin");
        let twin = fs::read_to_string(&file).unwrap();
        assert_eq!(
            headings(&original),
            headings(&twin),
            "levels of the headings of {} and its twin",
            short(&english)
        );
    }
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = read("Cargo.toml");
    let lines = section(&manifest, "[workspace.dependencies]");
    let from_elsewhere: Vec<_> = lines.iter().filter(|line| !line.contains("path = \"src/")).collect();
    assert!(
        from_elsewhere.len() > 20,
        "expected the list of dependencies, found {} lines",
        from_elsewhere.len()
    );
    for line in from_elsewhere {
        let reason = line.split_once(" # ").map_or("", |(_, reason)| reason.trim());
        assert!(!reason.is_empty(), "Cargo.toml: a dependency without its reason: {line}");
    }
}

#[test]
fn versions_are_chosen_in_one_place() {
    for file in files().iter().filter(|file| short(file).starts_with("src/") && file.ends_with("Cargo.toml"))
    {
        let manifest = fs::read_to_string(file).unwrap();
        for name in ["[dependencies]", "[dev-dependencies]", "[build-dependencies]"] {
            for line in section(&manifest, name) {
                assert!(line.contains("workspace = true"), "{}: a version of its own: {line}", short(file));
            }
        }
    }
}

#[test]
fn both_engines_have_the_same_migrations() {
    let [sqlite, postgres] = ["sqlite", "postgres"].map(|engine| names_in(&format!("migrations/{engine}")));
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, postgres);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let homes = ["root", "work", "home"].map(|folder| format!("/{folder}/"));
    for (file, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            let found = homes.iter().find(|home| starts_a_path(line, home));
            assert!(found.is_none(), "{}:{}: a machine's path: {line}", short(&file), number + 1);
        }
    }
}

#[test]
fn no_private_key_is_kept_here() {
    for (file, text) in texts().into_iter().filter(|(file, _)| !short(file).starts_with("keys/dev/")) {
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let begins = line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----");
            let body = begins.then(|| lines.clone().next()).flatten().unwrap_or_default();
            assert!(!looks_like_base64(body), "{}: a private key in PEM", short(&file));
        }
    }
}

#[test]
fn unsafe_code_is_in_one_folder_only() {
    for (file, text) in texts().into_iter().filter(|(file, _)| has_ending(file, "rs")) {
        let allowed = short(&file).starts_with("src/gm/arch");
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let found = ["{", "fn", "impl", "trait", "extern"].iter().any(|next| has_unsafe(line, next));
            assert!(allowed || !found, "{}:{}: unsafe: {line}", short(&file), number + 1);
        }
    }
}

#[test]
fn what_is_below_the_store_touches_no_file_and_no_socket() {
    let pure = [
        "base", "gm", "pki", "jose", "identity", "oidc", "policy", "trust", "document", "seal", "ecert",
        "kms", "audit",
    ];
    let doors =
        ["std::fs", "std::env::", "TcpStream", "TcpListener", "UdpSocket", "SystemTime::now", "Instant::now"];
    let open = [
        "src/base/time.rs",   // the system's clock is implemented here, behind `Clock`
        "src/gm/arch/cpu.rs", // `GM_CPU`, under the feature `cpu-limit` alone, which the product is built without
        "src/gm/build.rs",    // makes a table for the compiler
    ];
    for (file, text) in texts()
        .into_iter()
        .filter(|(file, _)| has_ending(file, "rs") && !open.contains(&short(file).as_str()))
    {
        let name = short(&file);
        let of_a_pure_crate = pure.iter().any(|member| name.starts_with(&format!("src/{member}/")));
        let beside_it = ["/tests/", "/benches/", "/examples/", "/constant_time/"]
            .iter()
            .any(|folder| name.contains(folder));
        if !of_a_pure_crate || beside_it || name.ends_with("/tests.rs") {
            continue;
        }
        let product = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in
            product.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let door = doors.iter().find(|door| line.contains(**door));
            assert!(door.is_none(), "{name}:{}: input or output in a pure crate: {line}", number + 1);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("expected {name}: {e}"))
}

/// Every file of the repository.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let made = MADE.iter().any(|name| entry.file_name() == *name);
            match entry.file_type().unwrap() {
                kind if kind.is_dir() && !made => folders.push(entry.path()),
                kind if kind.is_file() && !made => found.push(entry.path()),
                _ => (),
            }
        }
    }
    found.sort();
    found
}

/// Every file that is text.
fn texts() -> Vec<(PathBuf, String)> {
    let read = |file: PathBuf| fs::read_to_string(&file).ok().map(|text| (file, text));
    let texts: Vec<_> = files().into_iter().filter_map(read).collect();
    assert!(texts.len() > 100, "expected a whole repository, found {} texts", texts.len());
    texts
}

fn short(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).to_string_lossy().into_owned()
}

fn has_ending(file: &Path, ending: &str) -> bool {
    file.extension().is_some_and(|found| found == ending)
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The lines of a manifest's section, without blank ones and comments.
fn section<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
    let after = manifest.lines().skip_while(|line| line.trim() != name).skip(1);
    let inside = after.take_while(|line| !line.starts_with('['));
    inside.filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect()
}

/// What stands between single backticks, and each word of a fenced block.
fn code_spans(text: &str) -> Vec<String> {
    let mut spans = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            spans.extend(line.split_whitespace().take(1).map(str::to_owned));
        } else {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    spans
}

/// `migrations/{sqlite,postgres}` is two paths.
fn expand_braces(span: String) -> Vec<String> {
    let Some((before, rest)) = span.split_once('{') else { return vec![span] };
    let Some((inside, after)) = rest.split_once('}') else { return vec![span] };
    let each = inside.split(',').map(|part| format!("{before}{}{after}", part.trim()));
    each.flat_map(expand_braces).collect()
}

/// Whether a span means a path of this repository: it has a file's ending, or begins with a folder that is here.
fn is_path(span: &str) -> bool {
    let plain = !span.is_empty() && span.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let file = [".rs", ".md", ".toml", ".sql", ".cedar", ".cedarschema", ".html", ".ftl", ".css", ".json"]
        .iter()
        .any(|ending| span.len() > ending.len() && span.ends_with(ending));
    let inside = span.split_once('/').is_some_and(|(first, _)| !first.is_empty() && exists_somewhere(first));
    plain && !span.starts_with('/') && (file || inside)
}

fn exists_somewhere(path: &str) -> bool {
    root().join(path).exists() || root().join("src").join(path).exists()
}

/// A row of a table whose last column is called `guarded by`.
struct Guarded {
    what: String,
    guards: String,
}

/// Those rows, from every such table of `text`.
fn guarded_rows(text: &str) -> Vec<Guarded> {
    let mut rows = Vec::new();
    let mut guarded = false;
    for line in text.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        if !line.starts_with('|') {
            guarded = false;
        } else if cells.last() == Some(&"guarded by") {
            guarded = true;
        } else if guarded && !line.starts_with("|---") {
            rows.push(Guarded { what: cells[0].to_owned(), guards: (*cells.last().unwrap()).to_owned() });
        }
    }
    rows
}

fn read_somewhere(path: &str) -> String {
    [root().join(path), root().join("src").join(path)]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .unwrap_or_else(|| panic!("expected {path}"))
}

/// The targets of `[words](target)` that are not on the web and not within the page.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '/']) && !target.contains(' '))
        .collect()
}

fn headings(text: &str) -> Vec<usize> {
    let mut fenced = false;
    let mut levels = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced && line.starts_with('#') {
            levels.push(line.chars().take_while(|c| *c == '#').count());
        }
    }
    levels
}

/// Whether `home` stands in `line` as the beginning of a path, not inside one (`https://a.example/home/`).
fn starts_a_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"./_-*}>".contains(c))
    })
}

fn looks_like_base64(line: &str) -> bool {
    line.len() >= 40 && line.chars().all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c))
}

fn has_unsafe(line: &str, next: &str) -> bool {
    let keyword = concat!("uns", "afe");
    line.split_once(keyword).is_some_and(|(before, after)| {
        let whole_word =
            before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '"');
        whole_word && after.starts_with(' ') && after.trim_start().starts_with(next)
    })
}
