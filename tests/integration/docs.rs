//! Whoever reads core's documentation finds an example of what they are about to call.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A public function: the type that it is of, its name, and its documentation.
struct Function {
    of: Option<String>,
    name: String,
    docs: Vec<String>,
}

impl Function {
    /// Whether it can fail in a way of its own: one that says "As of" another one shares its example.
    fn can_fail(&self) -> bool {
        let shares = self.docs.iter().any(|line| line.starts_with("As [`") || line.starts_with("As of [`"));
        self.docs.iter().any(|line| line == "# Errors") && !shares
    }
}

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("core/src")
}

/// The sources of a module, without its tests.
fn sources(place: &Path) -> Vec<String> {
    if place.is_dir() {
        let inside = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
        return inside.flat_map(|path| sources(&path)).collect();
    }
    let is_test = place.file_stem().unwrap().to_str().unwrap().ends_with("test");
    if is_test || !place.exists() { Vec::new() } else { vec![fs::read_to_string(place).unwrap()] }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// What `lib.rs` gives out: the modules it is from, and the names.
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let lib = fs::read_to_string(core().join("lib.rs")).unwrap();
    let uses = lib.split("\npub use ").skip(1).map(|rest| rest.split(';').next().unwrap());
    let parts = uses.map(|path| path.split_once("::").unwrap());
    parts.map(|(module, names)| (module.to_owned(), words(names).map(str::to_owned).collect())).collect()
}

/// The functions of a source file that stand in no trait, and the names that its examples call.
fn read(source: &str, functions: &mut Vec<Function>, called: &mut BTreeSet<String>) {
    let (mut of, mut docs, mut in_example) = (None, Vec::new(), false);
    for line in source.lines() {
        let trimmed = line.trim_start();
        if let Some(doc) = trimmed.strip_prefix("///").or_else(|| trimmed.strip_prefix("//!")) {
            let doc = doc.strip_prefix(' ').unwrap_or(doc);
            if doc.starts_with("```") {
                in_example = !in_example;
            } else if in_example {
                let calls = doc.split('(').map(|before| words(before).last().unwrap_or_default());
                called.extend(calls.map(str::to_owned));
            }
            docs.push(doc.to_owned());
            continue;
        }
        if trimmed.starts_with("#[") {
            continue;
        }
        if let Some(rest) = line.strip_prefix("impl") {
            let ours = !line.contains(" for ");
            let generic = rest.strip_prefix('<').and_then(|rest| rest.split_once("> "));
            let name = generic.map_or(rest, |(_, name)| name);
            of = ours.then(|| words(name).next().unwrap_or_default().to_owned());
        } else if let Some(name) = trimmed.strip_prefix("pub fn ") {
            let name = words(name).next().unwrap().to_owned();
            let of = if line.starts_with("pub") { None } else { of.clone() };
            functions.push(Function { of, name, docs: std::mem::take(&mut docs) });
        }
        docs.clear();
    }
}

#[test]
fn every_function_that_can_fail_is_called_in_an_example() {
    let (mut public, mut called) = (Vec::new(), BTreeSet::new());
    for (module, names) in exported() {
        let mut functions = Vec::new();
        for place in [core().join(&module), core().join(format!("{module}.rs"))] {
            sources(&place).iter().for_each(|source| read(source, &mut functions, &mut called));
        }
        functions.retain(|function| names.contains(function.of.as_ref().unwrap_or(&function.name)));
        public.extend(functions);
    }
    let fallible: Vec<&Function> = public.iter().filter(|function| function.can_fail()).collect();
    assert!(public.len() > 150 && fallible.len() > 60, "{} of {}", fallible.len(), public.len());
    let without: Vec<String> = fallible
        .iter()
        .filter(|function| !called.contains(&function.name))
        .map(|function| format!("{}::{}", function.of.as_deref().unwrap_or_default(), function.name))
        .collect();
    assert!(without.is_empty(), "no example calls {without:?}");
}
