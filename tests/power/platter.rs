//! What a disk holds, and what of it a power cut may leave.
//!
//! Everything synced stays: a file's content and length after a sync of the file, the names in a directory after a sync
//! of the directory. Of what came later anything may be there:
//!
//! * **Bytes**: any set of pages of 4 KiB, whichever were written first; or the bytes up to any place, in the middle of
//!   a page as well. A page that is not there is what it was before, or zeros where the file has grown.
//! * **Lengths**: a file's changes of length take effect in their order, up to any of them. A length may be there
//!   without its bytes, which then are zeros, and bytes of a page only within the length.
//! * **Names**: creating, renaming and removing are each there wholly or not at all, and two that touch the same name
//!   keep their order. Beyond that, by turns: all of the disk's changes up to one of them, as a file system with one
//!   journal leaves them; those of each directory up to one, as one that logs directory by directory; or any set. A new
//!   file may be missing though it was synced itself. What stands in a directory that is missing is missing.
//!
//! A file that was renamed or removed keeps its content: names and contents are lost one without the other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillroll_tests::rng::Rng;

use crate::events::Event;

const PAGE: u64 = 4096;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(u64),
}

/// A change of names that no sync has followed.
#[derive(Debug, Clone)]
enum Naming {
    Put(PathBuf, Node),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Naming {
    fn names(&self) -> Vec<&Path> {
        match self {
            Self::Put(path, _) | Self::Remove(path) => vec![path],
            Self::Rename(from, to) => vec![from, to],
        }
    }

    fn dir(&self) -> &Path {
        let (Self::Put(path, _) | Self::Remove(path) | Self::Rename(_, path)) = self;
        path.parent().unwrap_or(Path::new(""))
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Put(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to) => {
                // A directory takes along what stands in it.
                let moved: Vec<_> = names.keys().filter(|path| path.starts_with(from)).cloned().collect();
                for path in moved {
                    let rest = path.strip_prefix(from).unwrap();
                    let new = if rest == Path::new("") { to.clone() } else { to.join(rest) };
                    let node = names.remove(&path).unwrap();
                    names.insert(new, node);
                }
            }
        }
    }
}

/// A change of a file that no sync has followed.
#[derive(Debug, Clone)]
enum Change {
    Write(u64, Arc<[u8]>),
    SetLen(u64),
}

#[derive(Debug, Clone, Default)]
struct Content {
    synced: Arc<Vec<u8>>,
    unsynced: Vec<Change>,
}

/// How much of what was not synced a cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Leaves {
    Nothing,
    Everything,
    Something,
}

/// A disk of the model.
#[derive(Debug, Clone, Default)]
pub struct Platter {
    names: BTreeMap<PathBuf, Node>,
    unsynced: Vec<Naming>,
    files: HashMap<u64, Content>,
}

/// What one finds on a disk after a cut.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub dirs: Vec<PathBuf>,
    pub files: BTreeMap<PathBuf, Arc<Vec<u8>>>,
}

impl Platter {
    /// A disk on which an image stands, for good.
    pub fn of(image: &Image) -> Self {
        let mut platter = Self::default();
        platter.names.extend(image.dirs.iter().map(|dir| (dir.clone(), Node::Dir)));
        for (number, (path, bytes)) in (1..).zip(&image.files) {
            platter.names.insert(path.clone(), Node::File(number));
            platter.files.insert(number, Content { synced: Arc::clone(bytes), unsynced: Vec::new() });
        }
        platter
    }

    /// The files by name, as the process sees them.
    pub fn files(&self) -> HashMap<PathBuf, u64> {
        let file = |(path, node): (PathBuf, Node)| match node {
            Node::File(number) => Some((path, number)),
            Node::Dir => None,
        };
        self.names_now().into_iter().filter_map(file).collect()
    }

    fn names_now(&self) -> BTreeMap<PathBuf, Node> {
        let mut names = self.names.clone();
        self.unsynced.iter().for_each(|change| change.apply(&mut names));
        names
    }

    /// Whether a cut could leave anything but one image.
    pub fn is_unsettled(&self) -> bool {
        !self.unsynced.is_empty() || self.files.values().any(|content| !content.unsynced.is_empty())
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::MakeDir(path) => {
                if self.names_now().get(path) != Some(&Node::Dir) {
                    self.unsynced.push(Naming::Put(path.clone(), Node::Dir));
                }
            }
            Event::Create(path, file) => {
                self.files.insert(*file, Content::default());
                self.unsynced.push(Naming::Put(path.clone(), Node::File(*file)));
            }
            Event::Rename(from, to) => self.unsynced.push(Naming::Rename(from.clone(), to.clone())),
            Event::Remove(path) => self.unsynced.push(Naming::Remove(path.clone())),
            Event::SyncDir(dir) => {
                let (synced, left) =
                    std::mem::take(&mut self.unsynced).into_iter().partition(|c| c.dir() == dir);
                self.unsynced = left;
                let synced: Vec<Naming> = synced;
                synced.iter().for_each(|change| change.apply(&mut self.names));
            }
            Event::Write(file, at, bytes) => self.change(*file, Change::Write(*at, Arc::clone(bytes))),
            Event::SetLen(file, len) => self.change(*file, Change::SetLen(*len)),
            Event::Sync(file) => {
                let content = self.files.entry(*file).or_default();
                *content = Content { synced: Arc::new(content.all()), unsynced: Vec::new() };
            }
            Event::Began(_) | Event::Ended(_) => {}
        }
    }

    fn change(&mut self, file: u64, change: Change) {
        self.files.entry(file).or_default().unsynced.push(change);
    }

    /// What stands after a cut.
    pub fn image(&self, leaves: Leaves, rng: &mut Rng) -> Image {
        let mut names = self.names.clone();
        let kept = self.kept_names(leaves, rng);
        kept.iter().for_each(|change| change.apply(&mut names));
        let mut image = Image::default();
        let stands = |path: &Path| {
            path.ancestors().skip(1).all(|dir| dir == Path::new("") || names.get(dir) == Some(&Node::Dir))
        };
        for (path, node) in names.iter().filter(|(path, _)| stands(path)) {
            match node {
                Node::Dir => image.dirs.push(path.clone()),
                Node::File(file) => {
                    drop(image.files.insert(path.clone(), self.files[file].left(leaves, rng)))
                }
            }
        }
        image
    }

    fn kept_names(&self, leaves: Leaves, rng: &mut Rng) -> Vec<&Naming> {
        let all = &self.unsynced;
        match leaves {
            Leaves::Nothing => Vec::new(),
            Leaves::Everything => all.iter().collect(),
            Leaves::Something => match rng.below(3) {
                0 => all.iter().take(rng.below(all.len() as u64 + 1) as usize).collect(),
                1 => self.up_to_one_in_each_directory(rng),
                _ => self.any_that_keep_order(rng),
            },
        }
    }

    fn up_to_one_in_each_directory(&self, rng: &mut Rng) -> Vec<&Naming> {
        let mut left = HashMap::new();
        for change in &self.unsynced {
            *left.entry(change.dir()).or_insert(0_u64) += 1;
        }
        let mut dirs: Vec<_> = left.iter_mut().collect();
        dirs.sort_unstable();
        dirs.into_iter().for_each(|(_, count)| *count = rng.below(*count + 1));
        let kept = |change: &&Naming| {
            let left = left.get_mut(change.dir()).unwrap();
            let keeps = *left > 0;
            *left -= u64::from(keeps);
            keeps
        };
        self.unsynced.iter().filter(kept).collect()
    }

    fn any_that_keep_order(&self, rng: &mut Rng) -> Vec<&Naming> {
        let (mut kept, mut lost) = (Vec::new(), HashSet::new());
        for change in &self.unsynced {
            if rng.chance(60) && !change.names().iter().any(|name| lost.contains(name)) {
                kept.push(change);
            } else {
                lost.extend(change.names());
            }
        }
        kept
    }
}

impl Content {
    fn all(&self) -> Vec<u8> {
        let mut bytes = Vec::clone(&self.synced);
        for change in &self.unsynced {
            resize(&mut bytes, change);
            if let Change::Write(at, written) = change {
                put(&mut bytes, *at, written);
            }
        }
        bytes
    }

    fn left(&self, leaves: Leaves, rng: &mut Rng) -> Arc<Vec<u8>> {
        if self.unsynced.is_empty() {
            return Arc::clone(&self.synced);
        }
        Arc::new(match leaves {
            Leaves::Nothing => return Arc::clone(&self.synced),
            Leaves::Everything => self.all(),
            Leaves::Something => match rng.below(6) {
                0 => return Arc::clone(&self.synced),
                1 => self.all(),
                2 => self.pages(self.unsynced.len(), 0, rng),
                3 => self.up_to_a_byte(rng),
                4 => self.pages(self.unsynced.len(), *rng.pick(&[10, 50, 90]), rng),
                _ => {
                    let lengths = rng.below(self.unsynced.len() as u64 + 1) as usize;
                    self.pages(lengths, *rng.pick(&[10, 50, 90]), rng)
                }
            },
        })
    }

    /// The first so many changes of length, and of the pages so many percent.
    fn pages(&self, lengths: usize, percent: u64, rng: &mut Rng) -> Vec<u8> {
        let mut bytes = Vec::clone(&self.synced);
        for (number, change) in self.unsynced.iter().enumerate() {
            if number < lengths {
                resize(&mut bytes, change);
            }
            let Change::Write(at, written) = change else { continue };
            let end = at + written.len() as u64;
            let mut from = *at;
            while from < end {
                let to = ((from / PAGE + 1) * PAGE).min(end);
                if rng.chance(percent) {
                    put(&mut bytes, from, &written[(from - at) as usize..(to - at) as usize]);
                }
                from = to;
            }
        }
        bytes
    }

    /// All changes up to a byte of one of them.
    fn up_to_a_byte(&self, rng: &mut Rng) -> Vec<u8> {
        let last = rng.below(self.unsynced.len() as u64) as usize;
        let mut begun = self.unsynced[..=last].to_vec();
        if let Change::Write(_, written) = &mut begun[last] {
            *written = written[..rng.below(written.len() as u64 + 1) as usize].into();
        }
        Self { synced: Arc::clone(&self.synced), unsynced: begun }.all()
    }
}

fn resize(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::SetLen(len) => bytes.resize(*len as usize, 0),
        Change::Write(at, written) => bytes.resize(bytes.len().max(*at as usize + written.len()), 0),
    }
}

/// Puts what lies within the length.
fn put(bytes: &mut [u8], at: u64, written: &[u8]) {
    let from = (at as usize).min(bytes.len());
    let to = (from + written.len()).min(bytes.len());
    bytes[from..to].copy_from_slice(&written[..to - from]);
}

impl Image {
    /// What stands in a folder, with names below it.
    pub fn read(folder: &Path) -> Self {
        let mut image = Self::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            // Others may be at work there.
            for entry in fs::read_dir(next).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = path.strip_prefix(folder).unwrap().to_owned();
                if path.is_dir() {
                    image.dirs.push(name);
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    image.files.insert(name, Arc::new(bytes));
                }
            }
        }
        image.dirs.sort();
        image
    }

    /// Puts it into an empty folder.
    pub fn write(&self, folder: &Path) {
        for dir in &self.dirs {
            fs::create_dir_all(folder.join(dir)).unwrap();
        }
        for (path, bytes) in &self.files {
            fs::write(folder.join(path), bytes.as_slice()).unwrap();
        }
    }

    pub fn has_dir(&self, path: &Path) -> bool {
        self.dirs.iter().any(|dir| dir == path)
    }

    /// With another image's content in one of its directories.
    pub fn with(mut self, dir: &Path, other: &Self) -> Self {
        self.dirs.extend(other.dirs.iter().map(|path| dir.join(path)));
        self.files.extend(other.files.iter().map(|(path, bytes)| (dir.join(path), Arc::clone(bytes))));
        self
    }

    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.dirs, &self.files).hash(&mut hasher);
        hasher.finish()
    }
}
