//! Secrets at rest. One random data key seals every secret; the data key itself stands in the store, wrapped either by
//! a passphrase or by a key file beside the database. Changing the passphrase re-wraps 32 bytes in one write and leaves
//! every sealed secret as it is.
//!
//! ```text
//! passphrase ──Argon2id(salt, parameters)──┐
//!                                          ├─ wrapping key ── wraps ──▶ data key ── seals ──▶ secret
//! vault.key ───────────────────────────────┘                 (XChaCha20-Poly1305, random nonces of 24 bytes)
//!
//! store   VAULT  ()                             → Header: how the data key is wrapped, nonce, wrapped data key
//!         SECRET (collection tag, id, field)    → version 1 (1 byte) │ nonce (24) │ ciphertext + tag (16)
//! file    vault.key                             → magic (16) │ wrapping key (32) │ xxh3-64 of both, little endian (8)
//! ```
//!
//! A secret's associated data are its collection, id and field, so sealed bytes moved to another record do not open.
//! What a secret was is told by nothing here: no error, log line or `Debug` carries one, and buffers that held one are
//! overwritten.
//!
//! BE ADVISED: the header in the store is the truth about the data key; what is cached is bound to the header's bytes.
//! A commit that fails after a new header was put into its transaction therefore leaves nothing that could seal under a
//! key nobody will find again. The key file is durable before a header that needs it is put, and is never replaced
//! while a committed header needs it.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;
use zeroize::{Zeroize, Zeroizing};

use crate::file::{Disk, read_all, write_private};
use crate::kv::{Key, prefix_end, value};
use crate::store::{Read, Store, Write};
use crate::{Error, Result};

/// The key file's name within the database directory.
pub(crate) const KEY_FILE: &str = "vault.key";

/// Namespace of the one header.
pub(crate) const VAULT: u8 = 0x28;
/// Namespace of sealed secrets.
pub(crate) const SECRET: u8 = 0x29;

const MAGIC: &[u8; 16] = b"tillroll vault 1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const SALT_BYTES: usize = 16;
const SEALED_VERSION: u8 = 1;
const WRAP_LABEL: &[u8] = b"tillroll data key";

/// Argon2id as RFC 9106 recommends where memory is scarce, on one lane: about 0.2 s on one core of 2025.
const COST: Cost = Cost { memory_kib: 64 << 10, passes: 3, lanes: 1 };
/// Stored parameters beyond these are damage: they would eat the machine, not protect it.
const COST_MAX: Cost = Cost { memory_kib: 1 << 20, passes: 64, lanes: 16 };

type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// Whose secret it is; also its associated data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// The record's id as text.
    pub id: &'a str,
    /// The field's name.
    pub field: &'a str,
}

impl Label<'_> {
    /// Lengths keep `("ab", "c")` and `("a", "bc")` apart.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.collection, self.id, self.field] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// Argon2id's costs, stored beside what they protect so that they can rise later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    fn is_sane(self) -> bool {
        self.memory_kib <= COST_MAX.memory_kib
            && self.passes <= COST_MAX.passes
            && self.lanes <= COST_MAX.lanes
    }
}

/// What the data key is wrapped by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Lock {
    KeyFile,
    Passphrase { salt: [u8; SALT_BYTES], cost: Cost },
}

/// The wrapped data key as it stands in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Header {
    lock: Lock,
    nonce: [u8; NONCE_BYTES],
    wrapped: Vec<u8>,
}

/// A wrapping key and what it belongs to.
struct Wrapping {
    lock: Lock,
    key: KeyBytes,
}

#[derive(Default)]
struct State {
    /// From the passphrase this database was opened with, or that was set since.
    passphrase: Option<Wrapping>,
    /// The data key, with the bytes of the header it was unwrapped from.
    unwrapped: Option<(Arc<[u8]>, Arc<KeyBytes>)>,
}

/// Seals and opens the secrets of one database.
pub(crate) struct Vault {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    cost: Cost,
    state: Mutex<State>,
    /// Held while the passphrase changes: two changes at once could remove the key file that the other one needs.
    changing: Mutex<()>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Vault {
    /// The vault of an open store. A passphrase given for a database that has no secrets yet becomes its passphrase.
    ///
    /// # Errors
    /// [`Error::Vault`] for a wrong passphrase, or one given for a database that has none. Without the right one the
    /// database opens; only its secrets do not.
    pub fn open(store: &Store, passphrase: Option<&str>) -> Result<Self> {
        let vault =
            store.read(|snapshot| Self::over(snapshot, store.dir(), store.disk(), passphrase, COST))?;
        if !store.is_read_only() {
            store.write(|transaction| vault.establish(transaction))?;
            vault.remove_stale_key_file(|vault| store.read(|snapshot| vault.header(snapshot)))?;
        }
        Ok(vault)
    }

    /// Wraps the data key anew: by a passphrase, or by the key file for `None`.
    ///
    /// # Errors
    /// [`Error::Vault`] where the present passphrase was not given at open, [`Error::Validation`] for an empty one,
    /// [`Error::Access`] on a read-only database.
    pub fn set_passphrase(&self, store: &Store, passphrase: Option<&str>) -> Result<()> {
        if store.is_read_only() {
            return Err(Error::Access { detail: "the database is open read-only".to_owned() });
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let wrapping = passphrase.map(|text| derive(text, self.new_lock()?)).transpose()?;
        store.write(|transaction| self.rewrap(transaction, wrapping.as_ref()))?;
        self.adopt(wrapping)
    }

    fn over(
        read: &dyn Read,
        dir: &Path,
        disk: &Arc<dyn Disk>,
        passphrase: Option<&str>,
        cost: Cost,
    ) -> Result<Self> {
        let vault = Self { cost, ..Self::closed(dir, disk) };
        let Some(passphrase) = passphrase else { return Ok(vault) };
        let lock = match vault.header(read)? {
            Some(Header { lock: Lock::KeyFile, .. }) => {
                return Err(locked(
                    "a passphrase was given, but the database has none (set_passphrase sets one)",
                ));
            }
            Some(header) => header.lock,
            None => vault.new_lock()?,
        };
        vault.lock_state().passphrase = Some(derive(passphrase, lock)?);
        if read.get(&header_key())?.is_some() {
            vault.data_key(read).map_err(|_| locked("wrong passphrase"))?;
        }
        Ok(vault)
    }

    /// A vault over any store, with a passphrase that is quick to derive.
    #[cfg(test)]
    pub fn for_tests(read: &dyn Read, dir: &Path, passphrase: Option<&str>) -> Result<Self> {
        let disk: Arc<dyn Disk> = Arc::new(crate::file::OsDisk);
        Self::over(read, dir, &disk, passphrase, Cost { memory_kib: 8, passes: 1, lanes: 1 })
    }

    /// The vault of a database that is not open: it seals and opens nothing.
    pub fn closed(dir: &Path, disk: &Arc<dyn Disk>) -> Self {
        let state = Mutex::default();
        Self { disk: Arc::clone(disk), dir: dir.to_owned(), cost: COST, state, changing: Mutex::new(()) }
    }

    /// What keeps the stored secrets from being read, whatever the passphrase; `None` where nothing does.
    pub fn trouble(&self, read: &dyn Read) -> Result<Option<String>> {
        let start = Key::new(SECRET).build();
        let secrets = read.count(&start, prefix_end(&start).as_deref())?;
        let why = match self.header(read) {
            Ok(None) if secrets > 0 => "the data key is lost".to_owned(),
            Ok(Some(header)) if header.lock == Lock::KeyFile => {
                match self.read_key_file().and_then(|wrapping| unwrap(&header, &wrapping.key)) {
                    Ok(_) => return Ok(None),
                    Err(error) => error.to_string(),
                }
            }
            Ok(_) => return Ok(None),
            Err(error) => error.to_string(),
        };
        Ok(Some(format!(
            "{secrets} sealed secrets stay, but cannot be read: {why}. A backup may have vault.key; else set them anew"
        )))
    }

    /// Makes the data key at once where a passphrase was given for a new database, so that the next open needs it.
    fn establish(&self, write: &mut dyn Write) -> Result<()> {
        let wanted = self.lock_state().passphrase.is_some();
        if wanted && write.get(&header_key())?.is_none() {
            self.make_data_key(write)?;
        }
        Ok(())
    }

    /// Seals a secret into the transaction, replacing the one that stood there.
    ///
    /// # Errors
    /// [`Error::Vault`] where the data key cannot be unwrapped: the passphrase or the key file is missing.
    pub fn seal(
        &self,
        write: &mut dyn Write,
        tag: u8,
        id: &[u8],
        label: Label<'_>,
        secret: &str,
    ) -> Result<()> {
        let data_key = match write.get(&header_key())? {
            Some(_) => self.data_key(write)?,
            None => self.make_data_key(write)?,
        };
        let nonce = random::<NONCE_BYTES>()?;
        let mut sealed = vec![SEALED_VERSION];
        sealed.extend_from_slice(&nonce);
        sealed.extend(encrypt(&data_key, &nonce, secret.as_bytes(), &label.bytes())?);
        write.put(secret_key(tag, id, label.field), sealed);
        Ok(())
    }

    /// Removes a secret; one that is not there is fine. Needs no key.
    pub fn forget(&self, write: &mut dyn Write, tag: u8, id: &[u8], field: &str) -> Result<()> {
        let key = secret_key(tag, id, field);
        if write.get(&key)?.is_some() {
            write.delete(&key);
        }
        Ok(())
    }

    /// Whether there is a secret. Needs no key.
    pub fn holds(&self, read: &dyn Read, tag: u8, id: &[u8], field: &str) -> Result<bool> {
        Ok(read.get(&secret_key(tag, id, field))?.is_some())
    }

    /// A secret in the clear, `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Vault`] where the data key cannot be unwrapped, or the sealed bytes are damaged or another record's.
    pub fn reveal(
        &self,
        read: &dyn Read,
        tag: u8,
        id: &[u8],
        label: Label<'_>,
    ) -> Result<Option<Zeroizing<String>>> {
        let Some(sealed) = read.get(&secret_key(tag, id, label.field))? else { return Ok(None) };
        let data_key = self.data_key(read)?;
        let damaged =
            || locked(format!("the sealed {} of {} {} is damaged", label.field, label.collection, label.id));
        let (&version, rest) = sealed.split_first().ok_or_else(damaged)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(damaged)?;
        if version != SEALED_VERSION {
            return Err(damaged());
        }
        let clear = decrypt(&data_key, nonce, ciphertext, &label.bytes()).ok_or_else(damaged)?;
        let text = std::str::from_utf8(&clear).map_err(|_| damaged())?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    fn rewrap(&self, write: &mut dyn Write, wrapping: Option<&Wrapping>) -> Result<()> {
        let header = self.header(write)?;
        let key_file_serves = header.as_ref().is_none_or(|header| header.lock == Lock::KeyFile);
        match (header.is_some(), wrapping) {
            // The key file stays as it is: replacing it here could lose the data key it wraps.
            (_, None) if key_file_serves => Ok(()),
            (true, None) => {
                let data_key = self.data_key(write)?;
                self.put_header(write, data_key, &self.new_key_file()?).map(drop)
            }
            (true, Some(wrapping)) => {
                let data_key = self.data_key(write)?;
                self.put_header(write, data_key, wrapping).map(drop)
            }
            (false, Some(wrapping)) => self.put_header(write, new_data_key()?, wrapping).map(drop),
            (false, None) => Ok(()),
        }
    }

    /// After the commit: the new wrapping is the one to use, and an old key file opens nothing any more.
    fn adopt(&self, wrapping: Option<Wrapping>) -> Result<()> {
        let by_passphrase = wrapping.is_some();
        self.lock_state().passphrase = wrapping;
        if by_passphrase { self.remove_key_file() } else { Ok(()) }
    }

    /// A crash between the commit of a passphrase and the removal of the key file leaves one behind.
    fn remove_stale_key_file(&self, header: impl FnOnce(&Self) -> Result<Option<Header>>) -> Result<()> {
        match header(self) {
            Ok(Some(Header { lock: Lock::Passphrase { .. }, .. })) => self.remove_key_file(),
            // Opening does not depend on the vault's health: damage is told when a secret is wanted.
            _ => Ok(()),
        }
    }

    fn remove_key_file(&self) -> Result<()> {
        let path = self.key_file();
        match self.disk.remove(&path) {
            Ok(()) => self.disk.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::io("remove", &path)(error)),
        }
    }

    fn make_data_key(&self, write: &mut dyn Write) -> Result<Arc<KeyBytes>> {
        let state = self.lock_state();
        if let Some(wrapping) = &state.passphrase {
            let wrapping = Wrapping { lock: wrapping.lock.clone(), key: wrapping.key.clone() };
            drop(state);
            return self.put_header(write, new_data_key()?, &wrapping);
        }
        drop(state);
        // A key file that stands already is from a first secret whose commit failed: it wraps nothing yet, but serves.
        let wrapping = self.durable_key_file().or_else(|_| self.new_key_file())?;
        self.put_header(write, new_data_key()?, &wrapping)
    }

    fn put_header(
        &self,
        write: &mut dyn Write,
        data_key: Arc<KeyBytes>,
        wrapping: &Wrapping,
    ) -> Result<Arc<KeyBytes>> {
        let nonce = random::<NONCE_BYTES>()?;
        let wrapped = encrypt(&wrapping.key, &nonce, &**data_key, WRAP_LABEL)?;
        let bytes = value::encode(&Header { lock: wrapping.lock.clone(), nonce, wrapped })?;
        self.lock_state().unwrapped = Some((bytes.as_slice().into(), Arc::clone(&data_key)));
        write.put(header_key(), bytes);
        Ok(data_key)
    }

    fn header(&self, read: &dyn Read) -> Result<Option<Header>> {
        read.get(&header_key())?.map(|bytes| value::decode(&bytes)).transpose()
    }

    fn data_key(&self, read: &dyn Read) -> Result<Arc<KeyBytes>> {
        let bytes = read.get(&header_key())?.ok_or_else(|| locked("the database has no data key"))?;
        let mut state = self.lock_state();
        if let Some((of, key)) = &state.unwrapped
            && *of == bytes
        {
            return Ok(Arc::clone(key));
        }
        let header: Header = value::decode(&bytes)?;
        let key = Arc::new(match (&header.lock, &state.passphrase) {
            (Lock::KeyFile, _) => {
                unwrap(&header, &self.read_key_file()?.key).map_err(|_| self.wrong_key())?
            }
            (lock, Some(wrapping)) if *lock == wrapping.lock => unwrap(&header, &wrapping.key)?,
            _ => return Err(locked("secrets are sealed by a passphrase: open the database with it")),
        });
        state.unwrapped = Some((bytes, Arc::clone(&key)));
        Ok(key)
    }

    fn wrong_key(&self) -> Error {
        let path = self.key_file();
        locked(format!(
            "{} does not open the data key: it is another database's, or the data key is damaged",
            path.display()
        ))
    }

    /// What `f` gives, with the key file as it is at that moment, where there is one. The passphrase does not change
    /// meanwhile.
    ///
    /// # Errors
    /// Those of `f`; [`Error::Io`] where the key file cannot be read.
    pub fn with_key_file<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<(T, Option<Zeroizing<Vec<u8>>>)> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let value = f()?;
        let path = self.key_file();
        match read_all(&*self.disk, &path, 4096) {
            Ok(bytes) => Ok((value, Some(Zeroizing::new(bytes)))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((value, None)),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Puts a key file into another database directory, for the owner's eyes only.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write_key_file(disk: &dyn Disk, dir: &Path, bytes: &[u8]) -> Result<()> {
        let path = dir.join(KEY_FILE);
        write_private(disk, &path, bytes).map_err(Error::io("write", &path))
    }

    fn new_lock(&self) -> Result<Lock> {
        Ok(Lock::Passphrase { salt: random()?, cost: self.cost })
    }

    fn key_file(&self) -> PathBuf {
        self.dir.join(KEY_FILE)
    }

    fn new_key_file(&self) -> Result<Wrapping> {
        let key = Zeroizing::new(random()?);
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAGIC.len() + KEY_BYTES + 8));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&*key);
        let sum = xxh3_64(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        let path = self.key_file();
        write_private(&*self.disk, &path, &bytes).map_err(Error::io("write", &path))?;
        Ok(Wrapping { lock: Lock::KeyFile, key })
    }

    /// The key file, with its name and content on disk: whoever wrote it may have died before they were.
    fn durable_key_file(&self) -> Result<Wrapping> {
        let wrapping = self.read_key_file()?;
        let path = self.key_file();
        let sync = || self.disk.open(&path, true)?.sync().and_then(|()| self.disk.sync_dir(&self.dir));
        sync().map_err(Error::io("sync", &path))?;
        Ok(wrapping)
    }

    fn read_key_file(&self) -> Result<Wrapping> {
        let path = self.key_file();
        let bytes = read_all(&*self.disk, &path, 4096).map(Zeroizing::new).map_err(|error| {
            use std::io::ErrorKind::{FileTooLarge, NotFound};
            if !matches!(error.kind(), NotFound | FileTooLarge) {
                return Error::io("read", &path)(error);
            }
            let hint = "secrets are sealed by the key file, which must lie in the database directory";
            locked(format!("cannot read {}: {error}; {hint}", path.display()))
        })?;
        let damaged = |detail: &str| Error::corrupt(&path, detail);
        let (content, sum) = bytes.split_last_chunk::<8>().ok_or_else(|| damaged("too short"))?;
        if xxh3_64(content) != u64::from_le_bytes(*sum) {
            return Err(damaged("its checksum does not match"));
        }
        let key = content.strip_prefix(MAGIC).ok_or_else(|| damaged("not a key file of this version"))?;
        let key = key.try_into().map_err(|_| damaged("its key has another length"))?;
        Ok(Wrapping { lock: Lock::KeyFile, key: Zeroizing::new(key) })
    }

    // A panic elsewhere while the lock was held leaves the cache as it was: it is only ever replaced whole.
    fn lock_state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn header_key() -> Vec<u8> {
    Key::new(VAULT).build()
}

fn secret_key(tag: u8, id: &[u8], field: &str) -> Vec<u8> {
    Key::new(SECRET).raw(&[tag]).raw(id).text(field).build()
}

fn locked(detail: impl Into<String>) -> Error {
    Error::Vault { detail: detail.into() }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| locked(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

fn new_data_key() -> Result<Arc<KeyBytes>> {
    Ok(Arc::new(Zeroizing::new(random()?)))
}

fn unwrap(header: &Header, wrapping: &KeyBytes) -> Result<KeyBytes> {
    let wrong = || locked("the data key does not open: its stored form is not the one that was wrapped");
    let clear = decrypt(wrapping, &header.nonce, &header.wrapped, WRAP_LABEL).ok_or_else(wrong)?;
    Ok(Zeroizing::new(clear.as_slice().try_into().map_err(|_| wrong())?))
}

fn derive(passphrase: &str, lock: Lock) -> Result<Wrapping> {
    if passphrase.is_empty() {
        return Err(Error::invalid("passphrase", "must not be empty"));
    }
    let Lock::Passphrase { salt, cost } = &lock else { return Err(locked("a key file takes no passphrase")) };
    let damaged = || locked("the stored parameters of the passphrase are damaged");
    if !cost.is_sane() {
        return Err(damaged());
    }
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_BYTES)).map_err(|_| damaged())?;
    let mut memory = vec![Block::new(); params.block_count()];
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let hashed = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        passphrase.as_bytes(),
        salt,
        &mut *key,
        &mut memory,
    );
    memory.iter_mut().for_each(Zeroize::zeroize);
    hashed.map_err(|error| locked(format!("the passphrase cannot be used: {error}")))?;
    Ok(Wrapping { lock, key })
}

fn encrypt(key: &KeyBytes, nonce: &[u8; NONCE_BYTES], clear: &[u8], label: &[u8]) -> Result<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new((&**key).into());
    cipher
        .encrypt(&XNonce::from(*nonce), Payload { msg: clear, aad: label })
        .map_err(|_| locked("the secret is too long to seal"))
}

/// `None`: the key is another one, or the bytes or their label are not what was sealed.
fn decrypt(
    key: &KeyBytes,
    nonce: &[u8; NONCE_BYTES],
    sealed: &[u8],
    label: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = XChaCha20Poly1305::new((&**key).into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: label }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod test;
