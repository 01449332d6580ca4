//! Which process is this?

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// The process in which a database was first opened for writing; no process has the id 0.
static FIRST: AtomicU32 = AtomicU32::new(0);

/// A process, by its id: what the faces hold against the one that calls them.
///
/// A database belongs to the process that opened it. A child that was forked from it has a copy of its memory, but none
/// of its threads: locks that these held stay held for ever there, and what the child wrote or unlocked would be the
/// parent's. So it may neither use what it has copied nor drop it; it must be forgotten. Nor may it open another database
/// for writing, since the index store keeps threads for the whole process.
///
/// ```
/// use tillroll_core::Process;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let opened_by = Process::this();
/// // … a fork may come here …
/// opened_by.check()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// The one that runs.
    pub fn this() -> Self {
        Self(std::process::id())
    }

    /// Whether it is the one that runs.
    pub fn is_this(self) -> bool {
        self == Self::this()
    }

    /// Refuses to open for writing in a process whose parent has done so before it forked.
    pub(crate) fn refuse_forked() -> Result<()> {
        let Self(this) = Self::this();
        match FIRST.compare_exchange(0, this, Ordering::Relaxed, Ordering::Relaxed) {
            Err(first) if first != this => {
                let detail = format!(
                    "this process was forked from process {first}, which had opened a database before: open it \
                     read-only, fork first, or start the process anew (\"spawn\")"
                );
                Err(Error::Closed { detail })
            }
            _ => Ok(()),
        }
    }

    /// Refuses to go on in any other.
    ///
    /// # Errors
    /// [`Error::Closed`] that says which process it was.
    pub fn check(self) -> Result<()> {
        if self.is_this() {
            return Ok(());
        }
        let detail = format!("the database belongs to process {}, which this one was forked from", self.0);
        Err(Error::Closed { detail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_is_refused_by_its_id() {
        assert!(Process::this().check().is_ok());
        let error = Process(0).check().unwrap_err();
        assert!(error.to_string().contains("process 0"), "{error}");
    }
}
