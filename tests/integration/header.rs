//! `include/tillroll.h` is what `ffi/src` says, and stands by itself in C and in C++.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use cbindgen::{Builder, Config};

/// What stands before the sections: what they need, and what no Rust item can say.
const BEGIN: &str = r#"#ifndef TILLROLL_H
#define TILLROLL_H

#include <stddef.h>
#include <stdint.h>

#define TILLROLL_VERSION "@VERSION@"
#define TILLROLL_VERSION_NUMBER @NUMBER@

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The Arrow C data and stream interfaces, as Arrow's own documentation gives them. Other headers may have them too.
 */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */
"#;

const END: &str = r"
#ifdef __cplusplus
}
#endif

#endif /* TILLROLL_H */
";

/// What stands behind a structure: its defaults, which C takes from a macro.
const INITIALISERS: [(&str, &str); 2] = [
    (
        "} tillroll_open_options;\n",
        "\n/* Made where there is none, reading and writing, no passphrase, the default cache and threads. */\n\
         #define TILLROLL_OPEN_OPTIONS_INIT { sizeof(tillroll_open_options), 1, 0, NULL, 0, 0 }\n",
    ),
    (
        "} tillroll_import_options;\n",
        "\n/* Kind and period told from the files, rejects kept, unchanged files skipped, personal fields dropped. */\n\
         #define TILLROLL_IMPORT_OPTIONS_INIT { sizeof(tillroll_import_options), NULL, NULL, NULL, 0, 0, 0 }\n",
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn header() -> PathBuf {
    root().join("include/tillroll.h")
}

/// The `//!` lines of a source file: what its section begins with.
fn module_docs(source: &str) -> Vec<&str> {
    source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_end).collect()
}

/// Lines as a comment; a heading stands by itself, and code is told by its indentation alone.
fn comment(lines: &[&str]) -> String {
    let lines = lines.iter().filter(|line| !line.starts_with(" ```"));
    let line = |line: &&str| format!(" *{}\n", line.strip_prefix(" #").unwrap_or(line).trim_end());
    format!("/*\n{} */\n", lines.map(line).collect::<String>())
}

/// Comments of one line take one line.
fn with_short_comments(items: &str) -> String {
    let lines: Vec<&str> = items.lines().collect();
    let (mut text, mut at) = (String::new(), 0);
    while let Some(line) = lines.get(at) {
        let words = lines.get(at + 1).and_then(|words| words.trim_start().strip_prefix("* "));
        let is_short = line.trim() == "/**" && lines.get(at + 2).is_some_and(|end| end.trim() == "*/");
        match words {
            Some(words) if is_short && line.len() + words.len() < 114 => {
                writeln!(text, "{line} {words} */").unwrap();
                at += 3;
            }
            _ => {
                writeln!(text, "{line}").unwrap();
                at += 1;
            }
        }
    }
    text
}

/// A section of the header: the module's own words, then its items in the order of the source.
fn section(module: &str) -> String {
    let path = root().join(format!("ffi/src/{module}.rs"));
    let source = fs::read_to_string(&path).unwrap();
    let config = Config::from_file(root().join("ffi/cbindgen.toml")).unwrap();
    let mut items = Vec::new();
    Builder::new().with_config(config).with_src(&path).generate().unwrap().write(&mut items);
    let mut items = with_short_comments(&String::from_utf8(items).unwrap());
    for (structure, initialiser) in INITIALISERS {
        items = items.replace(structure, &format!("{structure}{initialiser}"));
    }
    let rule = "=".repeat(116);
    let words = comment(&module_docs(&source)).replacen("/*\n", &format!("/* {rule}\n"), 1);
    format!("\n{words}\n{}", items.trim_start())
}

/// The whole header. Sections come in the order of the public modules of `ffi/src/lib.rs`.
fn generated() -> String {
    let lib = fs::read_to_string(root().join("ffi/src/lib.rs")).unwrap();
    let number = tillroll::version::tillroll_version_number().to_string();
    let begin = BEGIN.replace("@VERSION@", env!("CARGO_PKG_VERSION")).replace("@NUMBER@", &number);
    let mut text = comment(&module_docs(&lib));
    write!(text, "\n{begin}").unwrap();
    for module in lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        text.push_str(&section(module));
    }
    text + END
}

#[test]
fn the_header_is_what_the_source_says() {
    let generated = generated();
    if std::env::var_os("TILLROLL_WRITE_HEADER").is_some() {
        fs::write(header(), &generated).unwrap();
    }
    let header = fs::read_to_string(header()).unwrap();
    let differs = header.lines().zip(generated.lines()).find(|(old, new)| old != new);
    assert!(header == generated, "include/tillroll.h is stale at {differs:?}: run `make header`");
}

#[test]
fn the_header_is_plain_text() {
    let header = fs::read_to_string(header()).unwrap();
    assert!(header.is_ascii());
    for (i, line) in header.lines().enumerate() {
        assert!(line.len() <= 120 && line.trim_end() == line, "line {}: {line}", i + 1);
    }
}

/// cbindgen takes a wrong type for an opaque one; nothing may be left that C does not know.
#[test]
fn every_type_is_one_of_c_or_ours() {
    let header = fs::read_to_string(header()).unwrap();
    for rust in ["FFI_", "Option", "usize", "bool ", "uintptr_t", "ErrorKind"] {
        assert!(!header.contains(rust), "the header names {rust}");
    }
}

/// The comments of the header's own declarations, each with what it stands at.
fn documented(header: &str) -> Vec<(&str, &str)> {
    let ours = header.split("#endif /* ARROW_C_STREAM_INTERFACE */").nth(1).unwrap();
    let blocks = ours.split("/**").skip(1).filter_map(|block| block.split_once("*/"));
    blocks.map(|(comment, code)| (comment, code.split(';').next().unwrap().trim())).collect()
}

#[test]
fn every_function_says_its_errors_and_its_version() {
    let header = fs::read_to_string(header()).unwrap();
    let functions =
        documented(&header).into_iter().filter(|(_, code)| code.contains("tillroll_") && code.ends_with(')'));
    let mut seen = 0;
    for (comment, code) in
        functions.filter(|(_, code)| !code.starts_with("typedef") && !code.starts_with("#define"))
    {
        assert!(comment.contains("Since "), "no version: {code}");
        let fails = ["Fails", "fails", "cannot fail"].iter().any(|word| comment.contains(word));
        assert!(fails || !code.contains("**err"), "no errors: {code}");
        seen += 1;
    }
    assert!(seen > 40, "{seen} functions seen");
}

#[test]
fn every_type_says_its_threads_its_lifetime_and_its_version() {
    let header = fs::read_to_string(header()).unwrap();
    let mut seen = 0;
    for (comment, code) in documented(&header).into_iter().filter(|(_, code)| code.starts_with("typedef")) {
        for said in ["Threads: ", "Lifetime: ", "Since "] {
            assert!(comment.contains(said), "not a word of {said}in the comment of {code}");
        }
        seen += 1;
    }
    assert_eq!(seen, header.matches("\ntypedef ").count());
}
