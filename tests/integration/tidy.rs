//! The rules of the repository, as tests: arrows between modules, sizes, what the documents name, what must agree.

use std::fs;
use std::path::{Path, PathBuf};

use glob::Pattern;

/// What the top level may hold beside dotfiles and licences.
const TOP_LEVEL: [&str; 18] = [
    "Cargo.toml",
    "Cargo.lock",
    "core",
    "ffi",
    "python",
    "include",
    "benches",
    "tests",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "docs",
    "examples",
    "deny.toml",
    "clippy.toml",
    "rustfmt.toml",
    "rust-toolchain.toml",
];

/// Which modules of core a module may name. `db` and `lib` see all others. What the crate's root re-exports would hide
/// its module, so below `db` only the error types are named there.
const ARROWS: [(&str, &[&str]); 15] = [
    ("error", &[]),
    ("process", &["error"]),
    ("scope", &["error"]),
    ("column", &[]),
    ("money", &["error"]),
    ("day", &["error"]),
    ("file", &["error"]),
    ("kv", &["error", "file"]),
    ("journal", &["error", "file", "kv"]),
    ("roll", &["error", "file", "column"]),
    ("store", &["error", "file", "kv", "journal", "process"]),
    ("ingest", &["error", "file", "column", "day", "money"]),
    ("vault", &["error", "file", "kv", "store"]),
    ("records", &["error", "file", "day", "money", "ingest", "kv", "store", "vault", "scope"]),
    ("sales", &["error", "file", "column", "day", "money", "ingest", "kv", "store", "roll", "scope"]),
];

const ROOT_NAMES: [&str; 4] = ["Error", "ErrorKind", "FieldErrors", "Result"];

/// Crates that one file alone may name.
const ONE_PLACE: [(&str, &str); 4] = [
    ("sled", "core/src/kv/sled.rs"),
    ("bincode", "core/src/kv/value.rs"),
    ("flate2", "core/src/ingest/container.rs"),
    ("zip", "core/src/ingest/container.rs"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of the repository: its path from the root, with `/`, and its bytes.
struct File {
    path: String,
    bytes: Vec<u8>,
}

impl File {
    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(&format!("{folder}/")))
    }
}

/// Every file that is not ignored by `.gitignore`.
fn files() -> Vec<File> {
    let ignored = ignored();
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = relative(&path);
            if ignored
                .iter()
                .any(|(pattern, whole)| pattern.matches(if *whole { &relative } else { name(&relative) }))
            {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(File { bytes: fs::read(&path).unwrap(), path: relative });
            }
        }
    }
    assert!(files.len() > 30, "found {} files under {}", files.len(), root().display());
    files
}

/// The patterns of `.gitignore`, and whether they are anchored at the root.
fn ignored() -> Vec<(Pattern, bool)> {
    let text = fs::read_to_string(root().join(".gitignore")).unwrap();
    let pattern = |line: &str| {
        let line = line.trim_end_matches('/');
        (Pattern::new(line.trim_start_matches('/')).unwrap(), line.starts_with('/'))
    };
    text.lines().filter(|line| !line.is_empty()).chain([".git"]).map(pattern).collect()
}

fn relative(path: &Path) -> String {
    let parts = path.strip_prefix(root()).unwrap().components();
    parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn rust_files(folders: &[&str]) -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(".rs") && file.is_in(folders)).collect()
}

/// Without comments and without the test module at the end, which may reach further.
fn shipped_code(file: &File) -> String {
    let text = file.text().unwrap();
    let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    let without_comment = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text[..end].lines().map(without_comment).collect::<Vec<_>>().join("\n")
}

fn is_test_file(path: &str) -> bool {
    matches!(name(path), "test.rs" | "tests.rs")
        || name(path).ends_with("_test.rs")
        || path.contains("/test/")
}

/// The modules of the crate that code names as `crate::module` or in `crate::{module, …}`.
fn modules_named(code: &str) -> Vec<String> {
    let identifier =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => named.push(identifier(rest)),
            Some(list) => named.extend(first_names(list)),
        }
    }
    named
}

/// The names at the first level of a braced `use` list.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut current) = (1, Vec::new(), String::new());
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            names.push(std::mem::take(&mut current));
        } else if depth == 1 && !c.is_whitespace() {
            current.push(c);
        }
        if depth == 0 {
            break;
        }
    }
    let first = |name: String| name.split("::").next().unwrap_or_default().to_owned();
    names.into_iter().map(first).filter(|name| !name.is_empty()).collect()
}

fn names_crate(code: &str, krate: &str) -> bool {
    let before_is_free =
        |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.'));
    // A module may have the crate's name, and its parent may name the module.
    if code.contains(&format!("mod {krate};")) {
        return false;
    }
    let path = format!("{krate}::");
    code.match_indices(&path).any(|(at, _)| before_is_free(at)) || code.contains(&format!("use {krate};"))
}

#[test]
fn arrows_point_down() {
    let modules: Vec<&str> = ARROWS.iter().map(|(module, _)| *module).chain(["db"]).collect();
    let hides_its_module = |name: &str| name.starts_with(char::is_uppercase) && !ROOT_NAMES.contains(&name);
    let mut wrong = Vec::new();
    for file in rust_files(&["core/src"]).iter().filter(|file| !is_test_file(&file.path)) {
        let own = file.path["core/src/".len()..].split(['/', '.']).next().unwrap();
        let Some((_, allowed)) = ARROWS.iter().find(|(module, _)| *module == own) else { continue };
        for named in modules_named(&shipped_code(file)) {
            let up = modules.contains(&named.as_str()) && !allowed.contains(&named.as_str());
            if named != own && (up || hides_its_module(&named)) {
                wrong.push(format!("{} names {named}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "these arrows point up: {wrong:#?}");
}

#[test]
fn one_place_names_a_crate() {
    let files = rust_files(&["core/src", "ffi/src", "python/src"]);
    for file in files.iter().filter(|file| !is_test_file(&file.path)) {
        for (krate, place) in ONE_PLACE {
            assert!(
                file.path == place || !names_crate(&shipped_code(file), krate),
                "{} names {krate}",
                file.path
            );
        }
    }
}

#[test]
fn scanners_see_what_they_look_for() {
    let code = "use crate::{error::{Error, Result}, kv::Kv};\nfn f() { crate::sales::import(); }";
    assert_eq!(modules_named(code), ["error", "kv", "sales"]);
    assert!(
        names_crate("let db = sled::open(x)", "sled") && !names_crate("crate::kv::sled::open(x)", "sled")
    );
    assert!(!names_crate("unzip::<A>()", "zip"));
    let file = File {
        path: "a.rs".into(),
        bytes: b"fn a() {} // crate::db\n#[cfg(test)]\nmod tests { use crate::db; }".into(),
    };
    assert!(modules_named(&shipped_code(&file)).is_empty());
}

#[test]
fn files_are_short_enough_to_read() {
    for file in rust_files(&["core", "ffi", "python", "tests", "benches"]) {
        let text = file.text().unwrap();
        let code_end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
        let lines = text[..code_end].lines().count();
        assert!(
            lines <= 800 || is_test_file(&file.path),
            "{} has {lines} lines without its tests: split it",
            file.path
        );
    }
}

#[test]
fn the_top_level_holds_what_readers_expect_there() {
    for file in files() {
        let top = file.path.split('/').next().unwrap();
        let known = TOP_LEVEL.contains(&top) || top.starts_with('.') || top.starts_with("LICENSE-");
        assert!(known, "{top} does not belong at the top level");
    }
}

/// Paths in `code spans` of the documents that look like files or folders of this repository.
#[test]
fn documents_name_what_exists() {
    let root = root();
    for document in
        files().iter().filter(|file| file.path.ends_with(".md") && !file.path.starts_with("CHANGELOG"))
    {
        for span in document.text().unwrap().split('`').skip(1).step_by(2) {
            let first = span.split('/').next().unwrap();
            let is_path = TOP_LEVEL.contains(&first)
                && span.contains('/')
                && !span.contains([' ', '*', '{', '<', '…', '\n']);
            assert!(
                !is_path || root.join(span).exists(),
                "{} names {span}, which is not there",
                document.path
            );
        }
    }
}

#[test]
fn links_of_documents_lead_somewhere() {
    for document in files().iter().filter(|file| file.path.ends_with(".md")) {
        let folder = root().join(&document.path).parent().unwrap().to_owned();
        for target in document.text().unwrap().split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            let is_local = !path.is_empty() && !path.contains("://");
            assert!(
                !is_local || folder.join(path).exists(),
                "{} links to {target}, which is not there",
                document.path
            );
        }
    }
}

#[test]
fn nothing_unfinished_and_no_machine_is_named() {
    // In halves, so that this file does not name them either.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"]].map(|halves| halves.concat());
    let homes = [["/ho", "me/"], ["/Use", "rs/"], ["/ro", "ot/"]].map(|halves| halves.concat());
    let checkout = root().to_string_lossy().into_owned();
    for file in files().iter().filter(|file| file.path != "Cargo.lock") {
        let Some(text) = file.text() else { continue };
        let has_word =
            |word: &&String| text.split(|c: char| !c.is_alphanumeric()).any(|found| found == word.as_str());
        assert_eq!(marks.iter().find(has_word), None, "in {}", file.path);
        assert_eq!(homes.iter().find(|home| text.contains(home.as_str())), None, "in {}", file.path);
        assert!(
            checkout.len() < 4 || !text.contains(&checkout),
            "{} names the place of this checkout",
            file.path
        );
    }
}

/// Rust's `ignore` and pytest's `skip` and `xfail` stand only with a reason.
#[test]
fn tests_that_do_not_run_say_why() {
    let ignore = ["#[ig", "nore]"].concat();
    let marks = [["mark.", "skip"], ["mark.", "xfail"]].map(|halves| halves.concat());
    for file in files().iter().filter(|file| file.path.ends_with(".rs") || file.path.ends_with(".py")) {
        let text = file.text().unwrap();
        assert!(!text.contains(&ignore), "{} leaves a test out without a reason", file.path);
        for (at, mark) in marks.iter().flat_map(|mark| text.match_indices(mark.as_str())) {
            let call = text[at..].split(')').next().unwrap();
            assert!(call.contains("reason="), "{}: {mark} without a reason", file.path);
        }
    }
}

/// The value of `key = "value"` in a TOML file.
fn toml_text(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='))?;
    Some(value.split('"').nth(1).unwrap_or_default().to_owned())
}

#[test]
fn versions_agree() {
    let version = toml_text("Cargo.toml", "version").unwrap();
    // Without a version of its own the wheel has the crate's.
    let python = toml_text("python/pyproject.toml", "version").unwrap_or_else(|| version.clone());
    assert_eq!(python, version, "python/pyproject.toml");
    assert_eq!(toml_text("python/Cargo.toml", "version.workspace"), Some(String::new()), "python/Cargo.toml");
    let header = fs::read_to_string(root().join("include/tillroll.h")).unwrap();
    let in_header = header.lines().find_map(|line| line.strip_prefix("#define TILLROLL_VERSION \"")).unwrap();
    assert_eq!(in_header.trim_end_matches('"'), version, "include/tillroll.h");
}

/// One wheel serves every Python from the oldest one on.
#[test]
fn the_stable_abi_is_that_of_the_oldest_python() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let abi = manifest.split("abi3-py3").nth(1).unwrap().split('"').next().unwrap();
    let requires = toml_text("python/pyproject.toml", "requires-python").unwrap();
    assert_eq!(requires, format!(">=3.{abi}"));
}

/// A workflow calls what people call, so that it cannot go its own way.
#[test]
fn workflows_run_what_is_there() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let mut seen = 0;
    for workflow in files().iter().filter(|file| file.path.starts_with(".github/workflows/")) {
        for command in workflow.text().unwrap().lines().filter_map(|line| line.split("run: ").nth(1)) {
            let mut words = command.split_whitespace();
            let (program, argument) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let is_there = match program {
                "make" => makefile.contains(&format!("\n{argument}:")),
                script if script.starts_with(".ci/") => root().join(script).exists(),
                _ => continue,
            };
            assert!(is_there, "{} runs {command}", workflow.path);
            seen += 1;
        }
    }
    assert!(seen > 2, "{seen} commands seen");
}

#[test]
fn the_toolchain_is_the_one_the_manifest_asks_for() {
    let channel = toml_text("rust-toolchain.toml", "channel").unwrap();
    assert!(channel.starts_with(&toml_text("Cargo.toml", "rust-version").unwrap()), "{channel}");
}

/// The generator's headers are those of real reports; the samples lie beside the repository where there are any.
#[test]
fn generated_headers_are_the_stores() {
    let samples = root().join("../shared/samples/amazon");
    if !samples.exists() {
        println!("not compared: no sample reports beside this checkout");
        return;
    }
    let header = |name: &str| fs::read_to_string(samples.join(name)).unwrap().trim_end().to_owned();
    assert_eq!(tillroll_tests::Layout::of_2018().header(), header("header_2018.csv"));
    assert_eq!(tillroll_tests::Layout::today().header(), header("header_2024.csv"));
}
