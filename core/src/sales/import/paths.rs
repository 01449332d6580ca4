//! Which files an import is about: globs are resolved, and what cannot be read is refused, before anything is read.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::day::Period;
use crate::error::{Error, Result};
use crate::ingest::{self, StoreKind};

/// The files of a call.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) paths: Vec<PathBuf>,
    /// Their length in all.
    pub(super) bytes: u64,
    /// The period given by the caller.
    pub(super) period: Option<Period>,
}

impl Files {
    /// Files whose period only their rows tell come first, then by period: so no report is committed while another
    /// file of the call may still turn out to be of the same report.
    pub(super) fn sort(&mut self, store: StoreKind) {
        self.paths.sort_by_cached_key(|path| (claim(path, store), path.clone()));
    }

    /// The period that each file's name claims.
    pub(super) fn claims(&self, store: StoreKind) -> Vec<(PathBuf, Option<Period>)> {
        self.paths.iter().map(|path| (path.clone(), self.period.or_else(|| claim(path, store)))).collect()
    }
}

/// The period that is told before the file is read. That of a zip's members, whatever its name, is told only inside, and
/// that of Apple's reports by their rows.
fn claim(path: &Path, store: StoreKind) -> Option<Period> {
    if store == StoreKind::Apple {
        return None;
    }
    let mut magic = [0; 2];
    let is_zip =
        fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"PK";
    if is_zip { None } else { claimed_month(path.file_name()?.to_str()?) }
}

/// The month in a file's name, where there is just one.
pub(super) fn claimed_month(name: &str) -> Option<Period> {
    match ingest::month_names(name).as_slice() {
        [(year, month)] => Period::month(i32::from(*year), *month),
        _ => None,
    }
}

/// Resolves paths and globs. A file named twice is read once.
///
/// # Errors
/// A glob without a match, a missing file, a directory.
pub(super) fn resolve(paths: &[String]) -> Result<Files> {
    let (mut files, mut seen) = (Files::default(), HashSet::new());
    for path in paths {
        for path in expand(path)? {
            let metadata = fs::metadata(&path).map_err(Error::io("read", &path))?;
            if metadata.is_dir() {
                let detail = "is a directory; name its files, e.g. with a glob";
                return Err(Error::format(&path, None, detail));
            }
            let same = fs::canonicalize(&path).map_err(Error::io("read", &path))?;
            if seen.insert(same) {
                files.bytes += metadata.len();
                files.paths.push(path);
            }
        }
    }
    if files.paths.is_empty() {
        return Err(Error::invalid("paths", "no file is named"));
    }
    Ok(files)
}

/// The files a path or glob names. A file whose own name holds `[`, `*` or `?` is that file.
fn expand(text: &str) -> Result<Vec<PathBuf>> {
    let path = PathBuf::from(text);
    if !text.contains(['*', '?', '[']) || path.exists() {
        return Ok(vec![path]);
    }
    let glob = glob::glob(text).map_err(|error| Error::invalid("paths", format!("{text:?}: {error}")))?;
    let found: Vec<PathBuf> =
        glob.filter_map(std::result::Result::ok).filter(|path| !path.is_dir()).collect();
    if found.is_empty() {
        return Err(Error::NotFound { what: format!("a file that matches {text:?}") });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_files_and_what_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let name = |file: &str| dir.path().join(file).to_str().unwrap().to_owned();
        for file in ["b_2018_02.csv", "a_2018_01.csv", "no month.csv", "odd[1].csv"] {
            fs::write(name(file), "x").unwrap();
        }
        let mut files = resolve(&[name("*.csv"), name("b_2018_02.csv"), name("odd[1].csv")]).unwrap();
        assert_eq!((files.paths.len(), files.bytes), (4, 4));
        files.sort(StoreKind::Amazon);
        let names: Vec<_> =
            files.paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["no month.csv", "odd[1].csv", "a_2018_01.csv", "b_2018_02.csv"]);
        let claims = |store| files.claims(store).into_iter().filter_map(|(_, claim)| claim).count();
        assert_eq!((claims(StoreKind::Amazon), claims(StoreKind::Apple)), (2, 0));
        assert!(matches!(resolve(&[name("*.zip")]), Err(Error::NotFound { .. })));
        assert!(matches!(resolve(&[name("missing.csv")]), Err(Error::Io { .. })));
        assert!(matches!(resolve(&[dir.path().to_str().unwrap().to_owned()]), Err(Error::Format { .. })));
        assert!(matches!(resolve(&[]), Err(Error::Validation { .. })));
    }
}
