//! The Rust of `docs/guide.md` is that of `tests/examples/guide.rs`, and prints what stands beneath it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

const TASKS: usize = 10;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The block of a language in the section of a task; the guide's head is task 0.
fn block(task: usize, language: &str) -> String {
    let guide = fs::read_to_string(root().join("docs/guide.md")).unwrap();
    assert_eq!(guide.matches("\n## ").count(), TASKS);
    let section = guide.split("\n## ").nth(task).unwrap();
    let begin = format!("```{language}\n");
    section.split(&begin).nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// The reports that the guide begins with, as a store gives them.
fn write_reports(folder: &Path) {
    for name in ["reports", "restated"] {
        fs::create_dir(folder.join(name)).unwrap();
        for file in fs::read_dir(root().join("tests/data/guide").join(name)).unwrap() {
            let file = file.unwrap();
            let to = folder.join(name).join(format!("{}.gz", file.file_name().to_str().unwrap()));
            let mut packed = GzEncoder::new(fs::File::create(to).unwrap(), Compression::default());
            packed.write_all(&fs::read(file.path()).unwrap()).unwrap();
            packed.finish().unwrap();
        }
    }
}

#[test]
fn the_guide_shows_the_examples() {
    let example = fs::read_to_string(root().join("tests/examples/guide.rs")).unwrap();
    for task in 1..=TASKS {
        let code = example.split(&format!("// guide {task}\n")).nth(1).unwrap().trim_end_matches(' ');
        let dedented: Vec<&str> =
            code.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
        assert_eq!(block(task, "rust").lines().collect::<Vec<_>>(), dedented, "task {task}");
    }
    // What stands around them is what the guide says: a database, and `?` for what fails.
    assert!(block(0, "rust").contains(r#"let db = tillroll_core::Db::open("shop.till")?;"#));
    assert!(example.contains(r#"task(tillroll_core::Db::open("shop.till")?)"#));
}

#[test]
fn the_examples_print_what_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    write_reports(folder.path());
    // Cargo builds the examples of a package with its tests, one folder up.
    let here = std::env::current_exe().unwrap();
    let example = here.parent().unwrap().parent().unwrap().join("examples/guide");
    for task in 1..=TASKS {
        let ran = Command::new(&example).arg(task.to_string()).current_dir(folder.path()).output().unwrap();
        assert!(ran.status.success(), "task {task}: {}", String::from_utf8_lossy(&ran.stderr));
        let printed = String::from_utf8(ran.stdout).unwrap();
        let said = block(task, "text");
        // Another language may print more than this one.
        let mut rest = said.lines();
        assert!(!printed.is_empty(), "task {task} prints nothing");
        assert!(printed.lines().all(|line| rest.any(|said| said == line)), "task {task}: {printed}");
    }
}
