//! Opening: lock, journal, index, in that order; what a crash has left is put right on the way.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::Instant;

use super::commit::Tip;
use super::compact::REWRITE_BYTES_MIN;
use super::directory::{self, INDEX, JOURNAL};
use super::drain::{Commit, Drain, Signal};
use super::index::{Applied, Index, rebuild, replay};
use super::lock::{self, Content, Whole};
use super::overlay::{Change, Overlay, State};
use super::shared::Shared;
use super::{Entry, Read, Store, StoreOptions};
use crate::file::Disk;
use crate::journal::{Journal, Reader, Scan};
use crate::kv::{Kv, MemoryKv, Op, prefix_end};
use crate::process::Process;
use crate::{Error, Result};

/// Commits that are not in the index go into the overlay at open, unless there are more bytes of them.
const OVERLAY_AT_OPEN: u64 = 16 << 20;

/// See [`Store::open`].
pub fn open(dir: &Path, options: StoreOptions) -> Result<Store> {
    if !options.read_only {
        Process::refuse_forked()?;
    }
    // The process may change its directory while the store is open.
    let dir = &std::path::absolute(dir).map_err(Error::io("find", dir))?;
    let disk = Arc::clone(&options.disk);
    let disk = disk.as_ref();
    if directory::read(disk, dir)?.is_none() {
        refuse_missing(dir, &options)?;
        directory::make(disk, dir)?;
    }
    let held = lock::acquire(disk, dir, options.read_only)?;
    let database = match directory::read(disk, dir)? {
        Some(database) => database,
        None => begin(dir, &options)?,
    };
    let whole = lock::read(disk, dir).whole;
    let found = find_journal(disk, dir, database, whole)?;
    let shared = Arc::new(recover(dir, options, found)?);
    shared.make_view()?;
    let worker = (!shared.read_only).then(|| start_worker(&shared)).transpose()?;
    Ok(Store { shared, worker: Mutex::new(worker), held: Mutex::new(held) })
}

fn refuse_missing(dir: &Path, options: &StoreOptions) -> Result<()> {
    directory::refuse_unfinished(&*options.disk, dir)?;
    if options.create && !options.read_only {
        return Ok(());
    }
    directory::refuse_unmarked(&*options.disk, dir)?;
    Err(Error::NotFound { what: format!("database {}", dir.display()) })
}

/// An id for a new database.
pub fn draw_id(dir: &Path) -> Result<u128> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)
        .map_err(|error| Error::io("draw an id for", dir)(std::io::Error::other(error.to_string())))?;
    Ok(u128::from_le_bytes(id))
}

fn begin(dir: &Path, options: &StoreOptions) -> Result<u128> {
    refuse_missing(dir, options)?;
    directory::refuse_foreign(options.disk.as_ref(), dir)?;
    let database = draw_id(dir)?;
    directory::begin(options.disk.as_ref(), dir, database)?;
    Ok(database)
}

fn start_worker(shared: &Arc<Shared>) -> Result<std::thread::JoinHandle<()>> {
    let name = "tillroll-index".to_owned();
    let own = Arc::clone(shared);
    let spawned = std::thread::Builder::new().name(name).spawn(move || own.run_worker());
    spawned.map_err(Error::io("start the worker of", &shared.dir))
}

/// The journal of a database, read to its end.
pub struct Found {
    pub reader: Reader,
    pub scan: Scan,
    /// Journals and temporary files beside it, which a crash has left.
    pub stale: Vec<PathBuf>,
}

/// All journals of a database, the newest first; none without their folder.
pub fn journals(disk: &dyn Disk, dir: &Path) -> Result<Vec<(u64, PathBuf)>> {
    match Journal::list(disk, &dir.join(JOURNAL)) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        all => all,
    }
}

/// The newest journal, read to its end.
///
/// # Errors
/// [`Error::Corruption`] where there is none, or one that is damaged or another database's.
pub fn find_journal(disk: &dyn Disk, dir: &Path, database: u128, whole: Option<Whole>) -> Result<Found> {
    let folder = dir.join(JOURNAL);
    let mut all = journals(disk, dir)?;
    if all.is_empty() {
        return Err(Error::corrupt(&folder, "there is no journal"));
    }
    let (number, path) = all.remove(0);
    if whole.is_some_and(|whole| whole.number > number) {
        return Err(Error::corrupt(
            &folder,
            format!("the newest journal is {number}, but there was a newer one"),
        ));
    }
    let whole = whole.filter(|whole| whole.number == number);
    let mut reader = Reader::open(disk, &path, whole.map_or(0, |whole| whole.len))?;
    let header = *reader.header();
    if (header.database, header.number) != (database, number) {
        return Err(Error::corrupt(&path, "it is the journal of another database or has another one's name"));
    }
    let scan = Scan::run(&mut reader)?;
    let mut stale: Vec<_> = all.into_iter().map(|(_, path)| path).collect();
    let names = disk.list(&folder).map_err(Error::io("list", &folder))?;
    stale.extend(
        names.iter().filter(|name| name.to_string_lossy().ends_with(".tmp")).map(|name| folder.join(name)),
    );
    Ok(Found { reader, scan, stale })
}

fn recover(dir: &Path, options: StoreOptions, mut found: Found) -> Result<Shared> {
    let scan = found.scan.clone();
    let disk = options.disk.as_ref();
    let journal = Journal::resume(disk, found.reader.path(), &scan, !options.read_only)?;
    if !options.read_only {
        disk.sync_dir(dir).map_err(Error::io("sync", dir))?;
        for path in &found.stale {
            disk.remove(path).map_err(Error::io("remove", path))?;
        }
        directory::set_finished(disk, dir)?;
        let content = Content { pid: Some(std::process::id()), whole: Whole::of(&journal, scan.last) };
        lock::write(disk, dir, &content)?;
        if scan.torn > 0 {
            tracing::warn!(path = %journal.path().display(), bytes = scan.torn, "cut off an unfinished write");
        }
    }
    // A reader that was made before the cut must not see beyond it.
    found.reader = journal.reader()?;
    let opened = open_index(dir, &options, &journal, &scan)?;
    let state = State { sequence: scan.last, overlay: Overlay::default(), view: Arc::clone(&options.view) };
    let mut pending = VecDeque::new();
    let state = opened.replay(&mut found.reader, &scan, state, &mut pending)?;
    Ok(share(dir, options, journal, &scan, opened, state, pending))
}

fn share(
    dir: &Path,
    options: StoreOptions,
    journal: Journal,
    scan: &Scan,
    opened: Opened,
    state: State,
    pending: VecDeque<Commit>,
) -> Shared {
    let drained = if pending.is_empty() { scan.last } else { scan.applied };
    let durable = if opened.rebuilt { 0 } else { scan.applied };
    let drain = Drain {
        drained,
        durable,
        checkpoint_at: (journal.len(), Instant::now()),
        rewrite_at: (scan.header.base_end * 2).max(REWRITE_BYTES_MIN),
        unwatched: false,
    };
    Shared {
        dir: dir.to_owned(),
        disk: options.disk,
        database: scan.header.database,
        read_only: options.read_only,
        view_prefix: options.view_prefix,
        recovered: scan.torn,
        rebuilt_at_open: opened.rebuilt,
        closed: AtomicBool::new(false),
        turn: Mutex::default(),
        tip: Mutex::new(Tip::new(state.clone(), pending.iter().map(Commit::weight).sum())),
        progress: Condvar::new(),
        journal: Mutex::new(journal),
        index: Index::new(dir.join(INDEX), options.index_cache_bytes, options.index, opened.kv),
        swap: Mutex::default(),
        state: RwLock::new(Arc::new(state)),
        active: Mutex::new(BTreeMap::new()),
        pending: Mutex::new(pending),
        drain: Mutex::new(drain),
        signal: Mutex::new(Signal::default()),
        wake: Condvar::new(),
    }
}

/// The index, good up to what the journal says was applied, or made again up to the journal's end.
struct Opened {
    kv: Box<dyn Kv>,
    rebuilt: bool,
}

fn open_index(dir: &Path, options: &StoreOptions, journal: &Journal, scan: &Scan) -> Result<Opened> {
    if options.read_only {
        let kv = MemoryKv::default();
        replay(&kv, &mut journal.reader()?, 0, scan.last)?;
        return Ok(Opened { kv: Box::new(kv), rebuilt: true });
    }
    let path = dir.join(INDEX);
    let open = || (options.index)(&path, options.index_cache_bytes);
    let tried = open().and_then(|kv| {
        let verdict = judge(kv.as_ref(), scan)?;
        if matches!(verdict, Verdict::Good) {
            catch_up(kv.as_ref(), journal, scan)?;
        }
        Ok((verdict, kv))
    });
    match tried {
        Ok((Verdict::Good, kv)) => return Ok(Opened { kv, rebuilt: false }),
        Ok((Verdict::Ahead(sequence), _)) => {
            let detail = format!(
                "ends at commit {}, but the index has seen commit {sequence}: the journal was cut. If an older journal was \
                 put in place on purpose, delete {}",
                scan.last,
                path.display()
            );
            return Err(Error::corrupt(journal.path(), detail));
        }
        // It must have let go of its files before they move.
        Ok((Verdict::Behind, kv)) => {
            drop(kv);
            tracing::warn!(path = %path.display(), "the index lacks commits and is made again");
        }
        Err(error) => tracing::warn!(%error, "the index cannot be used and is made again"),
    }
    let kv = rebuild(&path, &open, &mut journal.reader()?, scan.last)?;
    Ok(Opened { kv, rebuilt: true })
}

/// Applies what the index may lack, where that is too much for the overlay. An index that fails at it is made again.
fn catch_up(kv: &dyn Kv, journal: &Journal, scan: &Scan) -> Result<()> {
    if scan.beyond <= OVERLAY_AT_OPEN {
        return Ok(());
    }
    let mut reader = journal.reader()?;
    reader.seek(scan.resume.0, scan.resume.1);
    replay(kv, &mut reader, scan.applied, scan.last)
}

enum Verdict {
    Good,
    /// It lacks commits that the journal says it has, or it is another database's.
    Behind,
    /// It has commits the journal has not.
    Ahead(u64),
}

fn judge(kv: &dyn Kv, scan: &Scan) -> Result<Verdict> {
    Ok(match Applied::read(kv)? {
        Some(applied) if applied.database != scan.header.database => Verdict::Behind,
        Some(Applied { sequence, target, .. }) if sequence.max(target) > scan.last => {
            Verdict::Ahead(sequence.max(target))
        }
        Some(applied) if applied.sequence < scan.applied => Verdict::Behind,
        None if scan.applied > 0 => Verdict::Behind,
        _ => Verdict::Good,
    })
}

impl Opened {
    /// Brings what the index may lack into the overlay, unless [`catch_up`] has applied it.
    fn replay(
        &self,
        reader: &mut Reader,
        scan: &Scan,
        mut state: State,
        pending: &mut VecDeque<Commit>,
    ) -> Result<State> {
        if self.rebuilt || scan.applied == scan.last || scan.beyond > OVERLAY_AT_OPEN {
            return Ok(state);
        }
        reader.seek(scan.resume.0, scan.resume.1);
        while let Some(frame) = reader.next()? {
            let change = |op: Result<(&[u8], Option<&[u8]>)>| {
                op.map(|(key, value)| (key.into(), value.map(Into::into)))
            };
            let changes: Vec<Change> = reader.ops(&frame).map(change).collect::<Result<_>>()?;
            if changes.is_empty() {
                continue;
            }
            let sequence = frame.header.last;
            changes.iter().for_each(|change| state.overlay.insert(sequence, change));
            pending.push_back(Commit { sequence, changes });
        }
        Ok(state)
    }
}

impl Shared {
    /// Makes the view from what is stored.
    fn make_view(&self) -> Result<()> {
        let prefix = [self.view_prefix];
        let snapshot = self.pin()?;
        let entries = snapshot.range(&prefix, prefix_end(&prefix).as_deref(), false);
        let op = |entry: Result<Entry>| entry.map(|(key, value)| Op::put(&*key, &*value));
        let ops: Vec<Op> = entries.map(op).collect::<Result<_>>()?;
        if ops.is_empty() {
            return Ok(());
        }
        let mut state = State::clone(&self.state());
        state.view = state.view.apply(&ops)?;
        self.set_state(state.clone());
        super::shared::lock(&self.tip).state = state;
        Ok(())
    }
}
