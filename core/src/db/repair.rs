//! Putting right what is damaged, on a path that will not open.
//!
//! Everything is read first, and nothing is changed before it is known what will stand. Then new rolls are written, files
//! that go are copied to `damaged/`, and one new journal makes all of it so; only behind that are files removed. A crash
//! leaves either the damage as it was or a database that opens. The index is removed without a copy where all that it
//! can hold is in the journal, and moved to `damaged/` last of all where commits are missing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::OpenOptions;
use crate::error::Result;
use crate::records;
use crate::sales::{Graves, ReportFile, SalesRepair};
use crate::store::{Image, Observe, Salvage};
use crate::vault::Vault;

/// What the answer of a repair is kept under in `damaged/`.
const ANSWER: &str = "repair.json";

/// What [`repair`] found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RepairReport {
    /// Whether anything was changed; a healthy database is not.
    pub changed: bool,
    /// The reports whose rows are lost, or left out because they were deleted or never committed: to be imported again.
    pub lost: Vec<ReportFile>,
    /// Reports that stand because their rows do, though no commit tells of them any more: they may have been deleted.
    pub uncertain: Vec<ReportFile>,
    /// What stands in `damaged/` now, from the database directory on: copies of the files that were damaged or replaced, and
    /// the index where commits are missing, which may hold what they changed.
    pub moved: Vec<String>,
    /// What was found wrong and what became of it, a line each.
    pub notes: Vec<String>,
    /// Whether commits, records or secrets are lost, or may be: `notes` tell which.
    pub incomplete: bool,
}

impl RepairReport {
    /// Whether everything is there: nothing is to be imported again or looked through, and nothing else is lost.
    pub fn ok(&self) -> bool {
        self.lost.is_empty() && self.uncertain.is_empty() && !self.incomplete
    }

    /// The same as a JSON object.
    pub fn to_json(&self) -> Json {
        let files = |files: &[ReportFile]| -> Json {
            let file = |file: &ReportFile| {
                json!({
                    "path": file.path,
                    "sha256": file.sha256,
                    "account": file.account,
                    "kind": file.kind.to_string(),
                    "period": file.period,
                    "part": file.part,
                    "rows": file.rows,
                })
            };
            files.iter().map(file).collect()
        };
        json!({
            "ok": self.ok(),
            "changed": self.changed,
            "incomplete": self.incomplete,
            "lost": files(&self.lost),
            "uncertain": files(&self.uncertain),
            "moved": self.moved,
            "notes": self.notes,
        })
    }
}

/// Repairs a database that is not open, also one that will not open: rebuilds what can be rebuilt, and names what cannot.
/// Afterwards it opens, and [`super::check`] finds nothing.
///
/// Whole frames of a damaged journal are kept; where commits are missing, reports are rebuilt from the rolls, and the answer
/// is [`RepairReport::incomplete`]. Of a damaged roll the reports that can be read whole are kept, the others are
/// [`RepairReport::lost`]. What the disk fails to read is damage like any other, as long as it reads anything of journal and
/// rolls. Files that are damaged or replaced are copied to `damaged/` before they go, those that cannot be read whole are
/// moved there, with the answer in `repair.json`; that folder is the user's to empty. A healthy database is left as it is.
///
/// # Errors
/// [`crate::Error::NotFound`] where there is no database, [`crate::Error::Locked`] while somebody has it open,
/// [`crate::Error::Format`] for a newer format or a backup that is not finished, [`crate::Error::Io`]: what stands then
/// can be repaired again.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
/// use tillroll_core::repair;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let Shop { db, account, folder } = shop()?;
/// let path = db.path().to_owned();
/// db.close()?;
///
/// let done = repair(&path)?;
/// for report in &done.lost {
///     println!("import again: {report:?}");
/// }
/// assert!(done.ok());
/// # Ok(())
/// # }
/// ```
pub fn repair(path: impl AsRef<Path>) -> Result<RepairReport> {
    repair_with(path, &OpenOptions::new())
}

/// As [`repair`], with the disk and the clock of these options; the others do not count.
///
/// # Errors
/// As of [`repair`].
pub fn repair_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<RepairReport> {
    Repair::read(path.as_ref(), options)?.run()
}

/// What the journal tells of deletions.
#[derive(Default)]
struct Witness {
    graves: Graves,
    /// External accounts.
    deleted: BTreeSet<Vec<u8>>,
}

impl Observe for Witness {
    fn change(&mut self, image: &Image, sequence: u64, key: &[u8], value: Option<&[u8]>) {
        self.graves.note(image, sequence, key, value);
        if records::is_account_key(key) {
            match value {
                Some(_) => self.deleted.remove(key),
                None => self.deleted.insert(key.to_vec()),
            };
        }
    }

    fn base(&mut self, image: &Image) {
        self.graves.base(image);
        // The reports of an account stay when it is deleted.
        let owners = self.graves.owners().map(records::account_key);
        self.deleted.extend(owners.filter(|key| !image.0.contains_key(key)));
    }
}

/// A repair that has read everything.
struct Repair<'a> {
    options: &'a OpenOptions,
    salvage: Salvage,
    sales: SalesRepair,
    /// External accounts that were seen being deleted.
    deleted: BTreeSet<Vec<u8>>,
}

impl<'a> Repair<'a> {
    fn read(path: &Path, options: &'a OpenOptions) -> Result<Self> {
        let mut seen = Witness::default();
        let salvage = Salvage::take(&options.disk, path, &mut seen)?;
        let has_gaps = salvage.has_gaps();
        let sales =
            SalesRepair::plan(salvage.dir(), salvage.disk(), salvage.image(), &seen.graves, has_gaps)?;
        salvage.refuse_blind()?;
        Ok(Self { options, salvage, sales, deleted: seen.deleted })
    }

    fn run(mut self) -> Result<RepairReport> {
        let mut notes = self.salvage.unread();
        notes.extend_from_slice(self.salvage.notes());
        notes.extend_from_slice(self.sales.notes());
        let mut image = self.salvage.image().clone();
        let losses = self.mend(&mut image)?;
        let incomplete = self.salvage.has_gaps() || !losses.is_empty();
        notes.extend(losses);
        let mut gone = self.sales.gone();
        let is_same = image == *self.salvage.image() && !self.sales.has_work();
        let is_healthy = self.salvage.is_sound() && is_same && gone.is_empty();
        let (lost, uncertain) = (self.sales.lost().to_vec(), self.sales.uncertain());
        let mut report =
            RepairReport { changed: !is_healthy, lost, uncertain, moved: Vec::new(), notes, incomplete };
        if is_healthy {
            return Ok(report);
        }
        self.salvage.make_folders()?;
        self.sales.carry_out(&mut image)?;
        gone.extend(self.salvage.replaced(&image));
        self.finish(&mut report, &image, &gone)?;
        Ok(report)
    }

    /// Brings the records in line, and gives reports back the accounts and products that they need. Tells what is lost.
    fn mend(&self, image: &mut Image) -> Result<Vec<String>> {
        let (disk, has_gaps) = (&self.options.disk, self.salvage.has_gaps());
        let mut notes = records::mend(image, has_gaps)?;
        let vault = Vault::closed(self.salvage.dir(), disk);
        notes.extend(vault.trouble(image)?);
        if !has_gaps {
            return Ok(notes);
        }
        let now = self.options.clock.now();
        for (id, store) in self.sales.accounts() {
            let was_deleted = self.deleted.contains(&records::account_key(id));
            if !was_deleted && records::stand_in(image, (id, store), now)? {
                notes.push(format!(
                    "external account {id} is lost: one called \"Recovered account {id}\" stands for it"
                ));
            }
        }
        for (account, items) in self.sales.items()? {
            records::register_items(image, (&vault, now), account, &items)?;
        }
        Ok(notes)
    }

    fn finish(&mut self, report: &mut RepairReport, image: &Image, gone: &[PathBuf]) -> Result<()> {
        let asides = self.salvage.set_aside(gone)?;
        report.moved = asides.iter().map(|aside| self.salvage.relative(&aside.copy)).collect();
        let index = self.salvage.place_of_index()?;
        report.moved.extend(index.clone());
        if !report.moved.is_empty() || !report.ok() {
            let answer = format!("{:#}\n", report.to_json());
            report.moved.push(self.salvage.leave(ANSWER, answer.as_bytes())?);
        }
        // From here on the new journal may stand, whatever fails, and the new rolls are those that it names.
        self.sales.keep();
        self.salvage.commit(image, &asides)?;
        self.salvage.clean(image, &asides, index.as_deref())
    }
}

#[cfg(test)]
#[path = "repair_test.rs"]
mod test;
