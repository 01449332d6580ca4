//! The runs that are cut: what somebody does with a database, step by step, and what it shows after each.

use std::path::{Path, PathBuf};

use jiff::civil::date;
use serde_json::json;
use tillroll_core::{Db, ImportOptions, Kind, OnReject, OpenOptions};
use tillroll_tests::amazon::plain_charge;
use tillroll_tests::packing;
use tillroll_tests::rng::Rng;
use tillroll_tests::world::market_of;
use tillroll_tests::{Layout, Report, Row, Spec};

use crate::state::state;

pub const DATABASE: &str = "shop.till";
/// What seals the secrets where the key file does not.
pub const PASSPHRASE: &str = "open sesame";

/// Is told how far a run is.
pub trait Marks {
    fn began(&self, step: usize);
    /// The step has returned, and this is what the database shows now.
    fn ended(&self, step: usize, state: &str);
}

/// A backup and the step that made it.
#[derive(Debug, Clone)]
pub struct Copied {
    pub name: String,
    pub step: usize,
}

/// A database at work.
pub struct Work<'a> {
    root: PathBuf,
    reports: PathBuf,
    options: OpenOptions,
    marks: &'a dyn Marks,
    db: Option<Db>,
    step: usize,
    pub copies: Vec<Copied>,
}

impl<'a> Work<'a> {
    /// Works in a folder, with reports written to another one.
    pub fn new(root: &Path, reports: &Path, options: OpenOptions, marks: &'a dyn Marks) -> Self {
        let (root, reports) = (root.to_owned(), reports.to_owned());
        Self { root, reports, options: options.threads(1), marks, db: None, step: 0, copies: Vec::new() }
    }

    /// One step: one commit, or what changes nothing that can be seen.
    fn step(&mut self, run: impl FnOnce(&mut Self)) {
        self.marks.began(self.step);
        run(self);
        let state = self.db.as_ref().map_or_else(String::new, |db| state(db).unwrap());
        self.marks.ended(self.step, &state);
        self.step += 1;
    }

    fn db(&self) -> &Db {
        self.db.as_ref().unwrap()
    }

    fn open(&mut self) {
        let path = self.root.join(DATABASE);
        self.step(|work| work.db = Some(Db::open_with(path, &work.options).unwrap()));
    }

    fn reopen(&mut self) {
        // While it is closed nothing can be asked; the next step's state is the last one's.
        let path = self.root.join(DATABASE);
        self.step(|work| {
            work.db().close().unwrap();
            work.db = Some(Db::open_with(path, &work.options).unwrap());
        });
    }

    fn create(&mut self, collection: &str, fields: serde_json::Value) {
        self.step(|work| drop(work.db().records(collection).unwrap().create(&fields).unwrap()));
    }

    fn import(&mut self, paths: &[PathBuf], options: ImportOptions) {
        let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
        let options = options.threads(1).force(true);
        self.step(|work| assert!(work.db().sales().import(&paths, 1, &options).is_ok()));
    }

    fn backup(&mut self) {
        let name = format!("copy{}", self.copies.len());
        self.copies.push(Copied { name: name.clone(), step: self.step });
        self.step(|work| work.db().backup(work.root.join(name)).unwrap());
    }

    fn compact(&mut self) {
        self.step(|work| work.db().compact().unwrap());
    }

    fn seal_with(&mut self, passphrase: Option<&str>) {
        self.step(|work| work.db().set_passphrase(passphrase).unwrap());
    }

    fn delete(&mut self, month: &str) {
        self.step(|work| work.db().sales().delete(1, Kind::AmazonSales, month).unwrap());
    }

    fn close(&mut self) {
        self.step(|work| work.db.take().unwrap().close().unwrap());
    }

    /// A report of equal rows, and one that cannot be read.
    fn plain(&self, month: i8, rows: usize) -> PathBuf {
        let month = date(2018, month, 1);
        let charge = plain_charge(market_of("Amazon.de"), month.at(12, 0, 0, 0), rows as u64);
        let rows = vec![Row { units: rows as i64, ..charge }; rows];
        let mut text = Report { month, layout: Layout::of_2018(), rows }.csv();
        text.extend_from_slice(b"a bad row\n");
        self.file(month.month(), &text)
    }

    fn any(&self, month: i8, rows: usize, seed: u64) -> PathBuf {
        self.file(month, &Spec::new(seed, (2018, month), rows).generate().csv())
    }

    fn file(&self, month: i8, text: &[u8]) -> PathBuf {
        let path = self.reports.join(format!("sales_2018_{month:02}.gz"));
        std::fs::write(&path, packing::gzip(text)).unwrap();
        path
    }

    /// Everything once: beginning, imports, a replacement, records, the keys, closing and opening, deleting,
    /// merging and the rewritten journal, a backup.
    pub fn short(&mut self) {
        let strict = || ImportOptions::default().on_reject(OnReject::Fail);
        self.open();
        self.create("external_accounts", json!({"nickname": "Our apps", "store": "amazon"}));
        self.create("brands", json!({"name": "One"}));
        self.import(&[self.plain(1, 30)], ImportOptions::default());
        self.import(&[self.any(2, 25, 1), self.any(3, 20, 1)], strict());
        self.create(
            "external_accounts",
            json!({"nickname": "Another", "store": "apple", "password": "sesame"}),
        );
        self.import(&[self.plain(1, 40)], ImportOptions::default());
        self.reopen();
        self.seal_with(Some(PASSPHRASE));
        self.delete("2018-03");
        self.seal_with(None);
        self.backup();
        self.import(&[self.plain(1, 50)], ImportOptions::default());
        self.compact();
        self.step(|work| {
            drop(work.db().records("brands").unwrap().update("1", &json!({"name": "Two"})).unwrap())
        });
        self.close();
    }

    /// So many steps at random.
    pub fn long(&mut self, steps: usize, rng: &mut Rng) {
        self.open();
        self.create(
            "external_accounts",
            json!({"nickname": "Our apps", "store": "amazon", "password": "sesame"}),
        );
        for n in 0..steps {
            self.random_step(n, rng);
        }
        self.close();
    }

    fn random_step(&mut self, n: usize, rng: &mut Rng) {
        let (month, rows) = (1 + rng.below(6) as i8, 10 + rng.below(400) as usize);
        match rng.below(25) {
            0..5 => self.import(&[self.plain(month, rows)], ImportOptions::default()),
            5..8 => self.import(&[self.any(month, rows, rng.bits())], ImportOptions::default()),
            8..10 => {
                let strict = ImportOptions::default().on_reject(OnReject::Fail);
                self.import(
                    &[self.any(month, rows, rng.bits()), self.any(month + 6, 50, rng.bits())],
                    strict,
                );
            }
            10..13 => self.create("brands", json!({"name": format!("brand {n}")})),
            13 => {
                let many = (0..40).map(|m| json!({"name": format!("brand {n} of {m}")})).collect();
                self.step(|work| drop(work.db().records("brands").unwrap().create_many(many).unwrap()));
            }
            14 => self
                .create("external_accounts", json!({"nickname": format!("account {n}"), "store": "google"})),
            15 => self.step(|work| {
                let brands = work.db().records("brands").unwrap();
                let first = brands.ids_after(None, 1).unwrap();
                first.iter().for_each(|id| brands.delete(&id.to_string()).unwrap());
            }),
            16 => {
                let name = json!({"nickname": format!("Renamed {n}"), "password": format!("sesame {n}")});
                self.step(|work| {
                    drop(work.db().records("external_accounts").unwrap().update("1", &name).unwrap())
                });
            }
            17 => self.step(|work| {
                // A month that is not there is no commit.
                let _ = work.db().sales().delete(1, Kind::AmazonSales, &format!("2018-{month:02}"));
            }),
            18..20 => self.reopen(),
            20..22 => self.compact(),
            22 if self.copies.len() < 4 => self.backup(),
            23 => {
                self.seal_with(Some(PASSPHRASE));
                self.create("brands", json!({"name": format!("sealed brand {n}")}));
                self.seal_with(None);
            }
            _ => self.step(|work| {
                let month = format!("2019-{month:02}");
                let _ = work.db().sales().mark_empty(1, Kind::AmazonSales, &month);
            }),
        }
    }
}
