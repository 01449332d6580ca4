//! The README's Rust is that of `tests/examples/readme.rs`, and runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use tillroll_tests::amazon::TransactionId;
use tillroll_tests::{Packing, Spec};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn the_readme_shows_the_example() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = readme.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    let example = fs::read_to_string(root().join("tests/examples/readme.rs")).unwrap();
    let code = example.split("// README\n").nth(1).unwrap().trim_end_matches(' ');
    let dedented: Vec<&str> = code.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    assert_eq!(shown.lines().collect::<Vec<_>>(), dedented);
}

#[test]
fn the_example_runs() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("reports")).unwrap();
    let mut report = Spec::new(1, (2018, 3), 100).generate();
    report.rows[7].transaction = TransactionId::Uuid(0x4dc8_1891_67af_40a2_a2df_0719_a7b9_0fe8);
    report.write(&folder.path().join("reports"), Packing::Gzip);
    // Cargo builds the examples of a package with its tests, one folder up.
    let here = std::env::current_exe().unwrap();
    let example = here.parent().unwrap().parent().unwrap().join("examples/readme");
    let ran = Command::new(example).current_dir(folder.path()).output().unwrap();
    let printed = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(printed.contains("1 100 0") && printed.contains("2018-03-01"), "{printed}");
    assert!(printed.contains(&report.rows[7].product.title.replace('"', "\\\"")), "{printed}");
}
