//! The collections of a database: one line each.

use std::sync::Arc;

use crate::scope::Grant;
use crate::store::Store;
use crate::vault::Vault;
use crate::{Error, Result};

use super::collection::Shared;
use super::{Account, AnyCollection, Clock, Collection, ExternalAccount, Record};

const COLLECTIONS: &[Entry] = &[entry::<ExternalAccount>(), entry::<Account>()];

struct Entry {
    name: &'static str,
    open: fn(Arc<Shared>) -> Arc<dyn AnyCollection>,
}

const fn entry<R: Record>() -> Entry {
    Entry { name: R::COLLECTION, open: |shared| Arc::new(Collection::<R>::new(shared)) }
}

/// All collections of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Records(Arc<Shared>);

impl Records {
    pub(crate) fn new(store: Arc<Store>, vault: Arc<Vault>, clock: Clock) -> Self {
        Self(Arc::new(Shared { store, vault, clock, grant: Grant::default() }))
    }

    /// The same collections for a handle that may do less.
    pub(crate) fn with_grant(&self, grant: Grant) -> Self {
        let Shared { store, vault, clock, .. } = &*self.0;
        let (store, vault, clock) = (Arc::clone(store), Arc::clone(vault), clock.clone());
        Self(Arc::new(Shared { store, vault, clock, grant }))
    }

    /// A collection by its type.
    pub fn collection<R: Record>(&self) -> Collection<R> {
        Collection::new(Arc::clone(&self.0))
    }

    /// A collection by its name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn by_name(&self, name: &str) -> Result<Arc<dyn AnyCollection>> {
        let found = COLLECTIONS.iter().find(|entry| entry.name == name);
        let missing = || Error::NotFound {
            what: format!("collection {:?}", name.chars().take(64).collect::<String>()),
        };
        Ok((found.ok_or_else(missing)?.open)(Arc::clone(&self.0)))
    }

    /// What contradicts itself in any collection.
    ///
    /// # Errors
    /// Those of reading.
    pub fn check(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for entry in COLLECTIONS {
            problems.extend((entry.open)(Arc::clone(&self.0)).check()?);
        }
        Ok(problems)
    }
}
