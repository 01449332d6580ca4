use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::*;
use crate::ErrorKind;
use crate::records::bench::Bench;

const NOW: &str = "2021-04-16T15:39:06.884Z";

/// A database with some records, exported; the file and its lines.
fn exported(bench: &Bench) -> (tempfile::TempDir, PathBuf, Vec<Value>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.jsonl");
    let count = bench.records.export(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, count);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    (dir, path, lines)
}

fn filled() -> Bench {
    let bench = Bench::new(NOW);
    let top = bench.create("accounts", json!({"name": "top \u{2028} \"quoted\""}));
    for name in ["a", "b", "c"] {
        bench.create("accounts", json!({"name": name, "parent": top["id"]}));
        bench.create(
            "external_accounts",
            json!({"nickname": name, "store": "apple", "password": "p455w0rd!"}),
        );
    }
    bench.set_clock("2022-01-01T00:00:00Z");
    bench.call("external_accounts", "update", json!({"id": 2, "metadata": {"vendor_id": 7}})).unwrap();
    bench.call("external_accounts", "delete", json!({"id": 3})).unwrap();
    bench
}

#[test]
fn what_was_exported_comes_back_as_it_was() {
    let bench = filled();
    let (_dir, path, lines) = exported(&bench);
    assert!(!fs::read_to_string(&path).unwrap().contains("p455w0rd!"));
    let other = Bench::new("2030-01-01T00:00:00Z");
    assert_eq!(other.records.import(&path).unwrap(), 6);
    assert_eq!(exported(&other).2, lines);
    other.check();
    // Ids go on behind those that came along, and importing again changes nothing.
    let new = other.create("external_accounts", json!({"nickname": "new", "store": "amazon"}));
    assert_eq!(new["id"], json!(3));
    assert_eq!(other.records.import(&path).unwrap(), 0);
    let other = other.reopen();
    assert_eq!(other.call("external_accounts", "count", json!({})).unwrap(), json!(3));
}

#[test]
fn a_record_that_could_not_be_read_back_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.jsonl");
    let line = |length: usize| -> Line {
        let mut line = json!({"collection": "accounts", "id": "a", "created_at": NOW, "updated_at": NOW,
                              "fields": {"name": ""}});
        let shell = serde_json::to_vec(&line).unwrap().len();
        line["fields"]["name"] = "x".repeat(length - shell).into();
        serde_json::from_value(line).unwrap()
    };
    let longest = usize::try_from(LINE_MAX).unwrap() - 1;
    let mut file = Writer::create(&path).unwrap();
    file.line(&line(longest)).unwrap();
    let refused = file.line(&line(longest + 1)).unwrap_err();
    assert_eq!(refused.to_string(), "accounts \"a\": would be a line of more than 8388608 bytes");
    file.line(&line(1000)).unwrap();
    assert_eq!(file.finish().unwrap(), 2);
    let read = Lines::open(&path).unwrap().step(&|| Ok(())).unwrap();
    assert_eq!(read.into_iter().filter(|(_, line)| line.is_ok()).count(), 2);
}

#[test]
fn an_import_stops_where_it_is_told_to() {
    let bench = filled();
    let (_dir, path, lines) = exported(&bench);
    // Each line is read and looked at three times: on its own, among the others, and when it is stored. Then the end is
    // come to, at once or in a step of its own.
    let all = (lines.len() * 2 + 2) * 3;
    for asked in [0, 1, lines.len() * 6 + 2] {
        let other = Bench::new(NOW);
        let left = std::cell::Cell::new(asked);
        let wanted = || match left.get() {
            0 => ControlFlow::Break(()),
            more => {
                left.set(more - 1);
                ControlFlow::Continue(())
            }
        };
        let stopped = other.records.import_while(&path, &wanted).unwrap_err();
        assert!(matches!(stopped, crate::Error::Cancelled), "{stopped}");
        assert_eq!(exported(&other).2, [] as [Value; 0]);
        left.set(all);
        assert_eq!(other.records.import_while(&path, &wanted).unwrap(), 6);
    }
}

#[test]
fn an_import_hears_between_the_lines_that_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.jsonl");
    // Lines of one step, of which some are blank.
    fs::write(&path, "[]\n \n".repeat(100)).unwrap();
    let asked = std::cell::Cell::new(0);
    let wanted = || {
        asked.set(asked.get() + 1);
        if asked.get() > 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut lines = Lines::open(&path).unwrap();
    let stop = || if wanted().is_break() { Err(crate::Error::Cancelled) } else { Ok(()) };
    assert!(matches!(lines.step(&stop), Err(crate::Error::Cancelled)));
    assert_eq!(lines.next().unwrap().map(|(place, _)| place.number), Some(6));
}

#[test]
fn a_line_that_cannot_be_stored_is_named() {
    let bench = filled();
    let (_dir, path, lines) = exported(&bench);
    let refused = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut changed = lines.clone();
        change(&mut changed);
        let text: Vec<String> = changed.iter().map(Value::to_string).collect();
        fs::write(&path, text.join("\n")).unwrap();
        let other = Bench::new(NOW);
        let error = other.records.import(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format, "{error}");
        assert_eq!(other.call("accounts", "count", json!({})).unwrap(), json!(0), "nothing is stored");
        let text = error.to_string();
        text.strip_prefix(path.to_str().unwrap()).unwrap().to_owned()
    };
    assert_eq!(lines[2]["collection"], json!("accounts"));
    assert_eq!(refused(&|lines| lines[2]["fields"]["name"] = json!(7)), ", line 3: name: must be text");
    assert_eq!(refused(&|lines| lines[2]["collection"] = json!("x")), ", line 3: collection \"x\" not found");
    assert_eq!(
        refused(&|lines| lines[2]["id"] = json!("")),
        ", line 3: id: cannot be an id of the collection"
    );
    for id in [json!(0), json!(i64::MAX), json!(u64::MAX)] {
        let told = refused(&|lines| lines[0]["id"] = id.clone());
        assert_eq!(told, ", line 1: id: cannot be an id of the collection", "{id}");
    }
    assert_eq!(
        refused(&|lines| lines[0]["updated_at"] = json!("1990-01-01T00:00:00Z")),
        ", line 1: updated_at: lies before created_at"
    );
    assert_eq!(
        refused(&|lines| lines[0]["updated_at"] = json!("9999-12-30T22:00:00.999999999Z")),
        ", line 1: updated_at: is no time of the years 1 to 9999"
    );
    assert!(refused(&|lines| lines[5] = json!([1])).starts_with(", line 6: invalid"));
    fs::write(&path, vec![b'x'; 9 << 20]).unwrap();
    assert!(
        Bench::new(NOW).records.import(&path).unwrap_err().to_string().contains("line 1: is longer than")
    );
    assert_eq!(Bench::new(NOW).records.import("nowhere".as_ref()).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn times_are_kept_to_the_microsecond_and_long_lists_have_lines_of_their_own() {
    let bench = filled();
    bench.create("campaigns", json!({}));
    let rows = json!([{"product_id": 4, "price": 1}]);
    bench.call("campaigns", "set_prices", json!({"id": 1, "rows": rows})).unwrap();
    let (_dir, path, mut lines) = exported(&bench);
    assert!(lines.iter().all(|line| line["fields"].get("prices").is_none()), "{lines:?}");
    assert!(lines.iter().any(|line| line["collection"] == "campaign_prices"), "{lines:?}");
    lines[0]["updated_at"] = json!("2031-04-16T15:39:06.8841234Z");
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(&path, text.join("\n")).unwrap();
    let other = Bench::new("2040-01-01T00:00:00Z");
    assert_eq!(other.records.import(&path).unwrap(), lines.len() as u64);
    assert_eq!(other.records.import(&path).unwrap(), 0, "the same again");
    other.check();
}

#[test]
fn another_record_of_the_same_id_is_a_conflict() {
    let bench = filled();
    let (_dir, path, _) = exported(&bench);
    let other = Bench::new(NOW);
    other.create("external_accounts", json!({"nickname": "mine", "store": "amazon"}));
    let error = other.records.import(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().ends_with("line 1: there is external account 1 already"), "{error}");
    assert_eq!(other.get("external_accounts", &json!(1))["nickname"], json!("mine"));
}

#[test]
fn an_export_that_fails_leaves_the_old_file() {
    let bench = filled();
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing").join("records.jsonl");
    assert_eq!(bench.records.export(&missing).unwrap_err().kind(), ErrorKind::Io);
}
