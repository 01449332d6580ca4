use std::io;

use super::*;
use crate::ErrorKind;
use crate::file::{DiskFile, OsDisk};
use crate::store::Image as Twin;

const TAG: u8 = 1;
const SECRET_TEXT: &str = "p455w0rd! é";

fn label(id: &str) -> Label<'_> {
    Label { collection: "external_accounts", id, field: "password" }
}

fn seal(vault: &Vault, twin: &mut Twin, id: &str) -> Result<()> {
    vault.seal(twin, TAG, id.as_bytes(), label(id), SECRET_TEXT)
}

fn reveal(vault: &Vault, twin: &Twin, id: &str) -> Result<Option<String>> {
    Ok(vault.reveal(twin, TAG, id.as_bytes(), label(id))?.map(|text| text.to_string()))
}

fn set_passphrase(vault: &Vault, twin: &mut Twin, passphrase: Option<&str>) -> Result<()> {
    let wrapping = passphrase.map(|text| derive(text, vault.new_lock()?)).transpose()?;
    vault.rewrap(twin, wrapping.as_ref())?;
    vault.adopt(wrapping)
}

struct Bench {
    dir: tempfile::TempDir,
    twin: Twin,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), twin: Twin::default() }
    }

    fn open(&self, passphrase: Option<&str>) -> Result<Vault> {
        Vault::for_tests(&self.twin, self.dir.path(), passphrase)
    }

    /// With secret 7 sealed.
    fn sealed() -> Self {
        let mut bench = Self::new();
        let vault = bench.open(None).unwrap();
        seal(&vault, &mut bench.twin, "7").unwrap();
        bench
    }

    fn sealed_bytes(&self) -> Vec<u8> {
        self.twin.get(&secret_key(TAG, b"7", "password")).unwrap().unwrap().to_vec()
    }
}

fn kind<T: fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn what_is_sealed_opens_again_also_after_reopening() {
    let mut bench = Bench::sealed();
    let vault = bench.open(None).unwrap();
    assert_eq!(reveal(&vault, &bench.twin, "7").unwrap().as_deref(), Some(SECRET_TEXT));
    assert_eq!(reveal(&vault, &bench.twin, "8").unwrap(), None);
    let first = bench.sealed_bytes();
    seal(&vault, &mut bench.twin, "7").unwrap();
    assert_ne!(bench.sealed_bytes(), first, "every sealing has a nonce of its own");
    vault.forget(&mut bench.twin, TAG, b"7", "password").unwrap();
    assert_eq!(reveal(&vault, &bench.twin, "7").unwrap(), None);
}

#[test]
fn a_key_file_that_was_found_is_durable_before_it_seals() {
    use crate::journal::fault::{Fault, FaultDisk};
    let open = |bench: &Bench, disk: &FaultDisk| {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
        Vault::over(&bench.twin, bench.dir.path(), &disk, None, cost).unwrap()
    };
    let steps = {
        let (mut bench, disk) = (Bench::new(), FaultDisk::default());
        seal(&open(&bench, &disk), &mut bench.twin, "7").unwrap();
        disk.done()
    };
    assert!(steps >= 5, "{steps}");
    for step in 0..steps {
        let (mut bench, disk) = (Bench::new(), FaultDisk::default());
        let vault = open(&bench, &disk);
        disk.fail(step, Fault::Once);
        // The commit it belongs to fails with it.
        let _ = seal(&vault, &mut bench.twin, "7").unwrap_err();
        assert_eq!(bench.twin, Twin::default());
        seal(&vault, &mut bench.twin, "7").unwrap();
        disk.cut_power();
        let vault = open(&bench, &disk);
        assert_eq!(reveal(&vault, &bench.twin, "7").unwrap().as_deref(), Some(SECRET_TEXT), "step {step}");
    }
}

#[test]
fn nothing_in_the_store_or_the_key_file_is_the_secret() {
    let bench = Bench::sealed();
    let file = std::fs::read(bench.dir.path().join(KEY_FILE)).unwrap();
    let mut stored: Vec<&[u8]> =
        bench.twin.0.iter().flat_map(|(key, value)| [key.as_slice(), value]).collect();
    stored.push(&file);
    for bytes in stored {
        assert_eq!(memchr::memmem::find(bytes, b"p455w0rd"), None);
    }
    let shown = format!("{:?}", bench.open(None).unwrap());
    assert!(shown.starts_with("Vault { dir:") && !shown.contains("key:"), "{shown}");
}

#[test]
fn a_secret_opens_only_where_it_was_sealed() {
    let mut bench = Bench::sealed();
    let moved = bench.sealed_bytes();
    bench.twin.put(secret_key(TAG, b"8", "password"), moved);
    let vault = bench.open(None).unwrap();
    assert_eq!(kind(reveal(&vault, &bench.twin, "8")), ErrorKind::Vault);
    assert_ne!(
        Label { collection: "ab", id: "c", field: "" }.bytes(),
        Label { collection: "a", id: "bc", field: "" }.bytes()
    );
}

#[test]
fn damaged_bytes_are_an_error() {
    let mut bench = Bench::sealed();
    let vault = bench.open(None).unwrap();
    let good = bench.sealed_bytes();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        for bad in [flipped, good[..at].to_vec()] {
            bench.twin.put(secret_key(TAG, b"7", "password"), bad);
            let error = reveal(&vault, &bench.twin, "7").unwrap_err();
            assert_eq!(error.to_string(), "the sealed password of external_accounts 7 is damaged");
            assert_eq!(error.kind(), ErrorKind::Vault);
        }
    }
}

/// Damaged in the store, it does not match its checksum; changed by somebody who mends that, it opens nothing.
#[test]
fn a_tampered_header_opens_nothing() {
    for passphrase in [None, Some("one")] {
        let mut bench = Bench::new();
        seal(&bench.open(passphrase).unwrap(), &mut bench.twin, "7").unwrap();
        let good = bench.twin.get(&header_key()).unwrap().unwrap();
        let header: Header = value::decode(&good).unwrap();
        let vault = bench.open(passphrase).unwrap();
        for at in 0..good.len() {
            let mut flipped = good.to_vec();
            flipped[at] ^= 1 << (at % 8);
            bench.twin.put(header_key(), flipped);
            assert_eq!(kind(reveal(&vault, &bench.twin, "7")), ErrorKind::Corruption, "byte {at}");
        }
        for at in 0..NONCE_BYTES + header.wrapped.len() {
            let mut tampered = header.clone();
            let byte = match at.checked_sub(NONCE_BYTES) {
                None => &mut tampered.nonce[at],
                Some(at) => &mut tampered.wrapped[at],
            };
            *byte ^= 1 << (at % 8);
            bench.twin.put(header_key(), value::encode(&tampered).unwrap());
            assert_eq!(kind(reveal(&vault, &bench.twin, "7")), ErrorKind::Vault, "byte {at}");
        }
        bench.twin.put(header_key(), good.to_vec());
        assert_eq!(reveal(&vault, &bench.twin, "7").unwrap().as_deref(), Some(SECRET_TEXT));
    }
}

#[test]
fn a_damaged_or_missing_key_file_is_named() {
    let bench = Bench::sealed();
    let path = bench.dir.path().join(KEY_FILE);
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        for bad in [flipped, good[..at].to_vec(), [good.as_slice(), &[0]].concat()] {
            std::fs::write(&path, bad).unwrap();
            let error = reveal(&bench.open(None).unwrap(), &bench.twin, "7").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corruption);
            assert!(error.to_string().contains(KEY_FILE));
        }
    }
    std::fs::write(&path, vec![0; 1 << 20]).unwrap();
    assert_eq!(kind(reveal(&bench.open(None).unwrap(), &bench.twin, "7")), ErrorKind::Vault);
    std::fs::remove_file(&path).unwrap();
    let vault = bench.open(None).unwrap();
    let error = reveal(&vault, &bench.twin, "7").unwrap_err();
    assert!(error.kind() == ErrorKind::Vault && error.to_string().contains(KEY_FILE), "{error}");
    assert_eq!(kind(seal(&vault, &mut bench.twin.clone(), "9")), ErrorKind::Vault);
    // Where the disk refuses, another passphrase would be no help.
    std::fs::create_dir(&path).unwrap();
    assert_eq!(kind(seal(&vault, &mut bench.twin.clone(), "9")), ErrorKind::Io);
    std::fs::remove_dir(&path).unwrap();
    // Another database's key file is sound, but opens nothing here.
    std::fs::copy(Bench::sealed().dir.path().join(KEY_FILE), &path).unwrap();
    let error = reveal(&bench.open(None).unwrap(), &bench.twin, "7").unwrap_err();
    assert!(error.kind() == ErrorKind::Vault && error.to_string().contains(KEY_FILE), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_key_file() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::sealed();
    let mode = std::fs::metadata(bench.dir.path().join(KEY_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_passphrase_from_the_first_day() {
    let mut bench = Bench::new();
    let vault = bench.open(Some("open sesame")).unwrap();
    vault.establish(&mut bench.twin).unwrap();
    assert_eq!(kind(bench.open(Some("open barley"))), ErrorKind::Vault);
    seal(&vault, &mut bench.twin, "7").unwrap();
    assert!(!bench.dir.path().join(KEY_FILE).exists());
    let again = bench.open(Some("open sesame")).unwrap();
    assert_eq!(reveal(&again, &bench.twin, "7").unwrap().as_deref(), Some(SECRET_TEXT));
    let without = bench.open(None).unwrap();
    assert_eq!(kind(reveal(&without, &bench.twin, "7")), ErrorKind::Vault);
    assert_eq!(kind(seal(&without, &mut bench.twin, "8")), ErrorKind::Vault);
    assert_eq!(kind(set_passphrase(&without, &mut bench.twin, Some("mine"))), ErrorKind::Vault);
    without.forget(&mut bench.twin, TAG, b"7", "password").unwrap();
    let error = bench.open(Some("open barley")).unwrap_err();
    assert_eq!(error.to_string(), "wrong passphrase");
}

#[test]
fn a_passphrase_comes_changes_and_goes_without_resealing() {
    let mut bench = Bench::sealed();
    let sealed = bench.sealed_bytes();
    let path = bench.dir.path().join(KEY_FILE);
    let vault = bench.open(None).unwrap();
    assert_eq!(kind(bench.open(Some("one"))), ErrorKind::Vault, "there is no passphrase yet");
    for passphrase in [Some("one"), Some("two"), None, None, Some("three")] {
        set_passphrase(&vault, &mut bench.twin, passphrase).unwrap();
        assert_eq!(path.exists(), passphrase.is_none());
        assert_eq!(bench.sealed_bytes(), sealed);
        for vault in [&vault, &bench.open(passphrase).unwrap()] {
            assert_eq!(
                reveal(vault, &bench.twin, "7").unwrap().as_deref(),
                Some(SECRET_TEXT),
                "{passphrase:?}"
            );
        }
    }
    assert_eq!(kind(bench.open(Some("two"))), ErrorKind::Vault);
    assert_eq!(kind(bench.open(Some(""))), ErrorKind::Validation);
    assert_eq!(kind(set_passphrase(&vault, &mut bench.twin, Some(""))), ErrorKind::Validation);
}

#[test]
fn a_key_file_left_by_a_crash_goes_only_when_a_passphrase_is_committed() {
    let mut bench = Bench::sealed();
    let path = bench.dir.path().join(KEY_FILE);
    let vault = bench.open(None).unwrap();
    vault.remove_stale_key_file(|vault| vault.header(&bench.twin)).unwrap();
    assert!(path.exists(), "it is needed");
    let left = std::fs::read(&path).unwrap();
    set_passphrase(&vault, &mut bench.twin, Some("one")).unwrap();
    std::fs::write(&path, left).unwrap();
    let vault = bench.open(None).unwrap();
    vault.remove_stale_key_file(|vault| vault.header(&bench.twin)).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_refused_commit_leaves_no_key_behind_that_nobody_finds_again() {
    for passphrase in [None, Some("one")] {
        let mut bench = Bench::new();
        let vault = bench.open(passphrase).unwrap();
        seal(&vault, &mut bench.twin.clone(), "7").unwrap();
        seal(&vault, &mut bench.twin, "7").unwrap();
        let again = bench.open(passphrase).unwrap();
        assert_eq!(reveal(&again, &bench.twin, "7").unwrap().as_deref(), Some(SECRET_TEXT));
        // Likewise a change of passphrase that is not committed.
        let wrapping = derive("lost", vault.new_lock().unwrap()).unwrap();
        vault.rewrap(&mut bench.twin.clone(), Some(&wrapping)).unwrap();
        seal(&vault, &mut bench.twin, "8").unwrap();
        let again = bench.open(passphrase).unwrap();
        assert_eq!(reveal(&again, &bench.twin, "8").unwrap().as_deref(), Some(SECRET_TEXT));
    }
}

#[test]
fn a_cached_key_serves_only_its_own_header() {
    let mut bench = Bench::new();
    let vault = bench.open(None).unwrap();
    seal(&vault, &mut bench.twin.clone(), "7").unwrap();
    let other = bench.open(None).unwrap();
    seal(&other, &mut bench.twin, "7").unwrap();
    assert_eq!(reveal(&vault, &bench.twin, "7").unwrap().as_deref(), Some(SECRET_TEXT));
}

#[test]
fn a_key_file_that_serves_is_never_replaced() {
    let bench = Bench::sealed();
    let vault = bench.open(None).unwrap();
    // As if the power went after the file was written and before the commit.
    vault.rewrap(&mut bench.twin.clone(), None).unwrap();
    let again = bench.open(None).unwrap();
    assert_eq!(reveal(&again, &bench.twin, "7").unwrap().as_deref(), Some(SECRET_TEXT));
}

#[test]
fn hostile_headers_are_errors() {
    let mut bench = Bench::sealed();
    let huge = Cost { memory_kib: u32::MAX, passes: 1, lanes: 1 };
    let lock = |cost| Lock::Passphrase { salt: [0; SALT_BYTES], cost };
    let header = |lock, wrapped: &[u8]| Header { lock, nonce: [0; NONCE_BYTES], wrapped: wrapped.to_vec() };
    let zero = Cost { memory_kib: 0, passes: 0, lanes: 0 };
    for header in [
        header(lock(huge), &[]),
        header(lock(zero), &[]),
        header(lock(COST_MAX), &[]),
        header(Lock::KeyFile, &[1; 48]),
    ] {
        bench.twin.put(header_key(), value::encode(&header).unwrap());
        // The largest costs allowed would take a while here; that they are refused above is what is tested.
        if header.lock != lock(COST_MAX) {
            assert_eq!(kind(bench.open(Some("one"))), ErrorKind::Vault);
        }
        assert_eq!(kind(reveal(&bench.open(None).unwrap(), &bench.twin, "7")), ErrorKind::Vault);
    }
    for bytes in [&b""[..], b"\x01", b"nonsense at all"] {
        bench.twin.put(header_key(), bytes.to_vec());
        assert_eq!(kind(bench.open(Some("one"))), ErrorKind::Corruption);
        assert_eq!(kind(reveal(&bench.open(None).unwrap(), &bench.twin, "7")), ErrorKind::Corruption);
    }
}

/// Refuses to make private files, as a full disk does.
#[derive(Debug)]
struct Full;

impl Disk for Full {
    fn create(&self, _path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Err(io::ErrorKind::StorageFull.into())
    }
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        OsDisk.open(path, write)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<std::ffi::OsString>> {
        OsDisk.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_dir(path)
    }
}

#[test]
fn no_key_file_no_secret() {
    let mut bench = Bench::new();
    let disk: Arc<dyn Disk> = Arc::new(Full);
    let vault = Vault::over(&bench.twin, bench.dir.path(), &disk, None, COST).unwrap();
    assert_eq!(kind(seal(&vault, &mut bench.twin, "7")), ErrorKind::Io);
    assert_eq!(bench.twin, Twin::default());
}
