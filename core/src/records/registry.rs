//! The collections of a database: one line each.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::ingest::{Item, ItemKey, StoreKind};
use crate::scope::Grant;
use crate::store::{Read, Store, Write};
use crate::vault::Vault;
use crate::{Error, Result};

use super::collection::Shared;
use super::incoming::{self, Faults, Incoming};
use super::machine::Env;
use super::resources::product_memory::Watched;
use super::transfer::{self, Line, Lines, Place};
use super::{
    Account, AnyCollection, Banner, BannerGroup, Brand, Campaign, CampaignPrice, Category, CategoryProduct,
    Clock, Collection, Customer, CustomerAddress, CustomerGroup, CustomerLink, ExternalAccount, GiftCard,
    Product, ProductLink, Record, Subscriber, catalogue, item_links,
};

const COLLECTIONS: &[Entry] = &[
    entry::<ExternalAccount>(),
    entry::<Account>(),
    entry::<Product>(),
    hidden::<ProductLink>(),
    entry::<Customer>(),
    entry::<CustomerGroup>(),
    entry::<Subscriber>(),
    entry::<GiftCard>(),
    hidden::<CustomerLink>(),
    hidden::<CustomerAddress>(),
    entry::<Brand>(),
    entry::<Category>(),
    hidden::<CategoryProduct>(),
    entry::<Campaign>(),
    hidden::<CampaignPrice>(),
    entry::<BannerGroup>(),
    entry::<Banner>(),
];

/// Gives the records of a collection as lines.
type Export = fn(&dyn Read, Timestamp, &mut dyn FnMut(Line) -> Result<()>) -> Result<()>;

/// Looks at a line of a file, with what else is in it.
type Examine = fn(&dyn Read, Timestamp, (&Line, Place), &mut Incoming) -> Result<()>;

struct Entry {
    name: &'static str,
    /// Whether it is reached through another collection alone.
    hidden: bool,
    open: fn(Arc<Shared>) -> Arc<dyn AnyCollection>,
    export: Export,
    register: Examine,
    check: Examine,
    import: fn(&mut dyn Write, &Env<'_>, &Line, &mut Incoming) -> Result<bool>,
    mend: fn(&mut dyn Write, bool) -> Result<Vec<String>>,
}

const fn entry<R: Record>() -> Entry {
    Entry {
        name: R::COLLECTION,
        hidden: false,
        open: |shared| Arc::new(Collection::<R>::new(shared)),
        export: transfer::export::<R>,
        register: incoming::register::<R>,
        check: incoming::check::<R>,
        import: transfer::import::<R>,
        mend: super::mend::mend::<R>,
    }
}

/// A collection that has no name in the faces: links, which the verbs of other collections make, show and remove.
const fn hidden<R: Record>() -> Entry {
    Entry { hidden: true, ..entry::<R>() }
}

/// Makes every collection agree with its records. Tells which are lost; nothing is written where all is well.
/// `has_gaps` says that commits are missing.
///
/// # Errors
/// [`Error::Format`] where a record was written by a newer version; those of reading.
pub(crate) fn mend(write: &mut dyn Write, has_gaps: bool) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for entry in COLLECTIONS {
        notes.extend((entry.mend)(write, has_gaps)?);
    }
    Ok(notes)
}

/// Makes products of what reports sell, outside of an open database.
///
/// # Errors
/// Those of reading and storing.
pub(crate) fn register_items(
    write: &mut dyn Write,
    (vault, now): (&Vault, Timestamp),
    account: (u64, StoreKind),
    items: &[Item],
) -> Result<()> {
    catalogue::register(write, &Env { vault, now }, account, items, &|_| None)
}

fn find(name: &str) -> Result<&'static Entry> {
    COLLECTIONS.iter().find(|entry| entry.name == name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    Error::NotFound { what: format!("collection {:?}", name.chars().take(64).collect::<String>()) }
}

/// All collections of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Records(Arc<Shared>);

impl Records {
    /// The time by the database's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn new(store: Arc<Store>, vault: Arc<Vault>, clock: Clock) -> Self {
        let (grant, products, known) = (Grant::default(), Arc::default(), Arc::default());
        Self(Arc::new(Shared { store, vault, clock, grant, products, known }))
    }

    /// The same collections for a handle that may do less.
    pub(crate) fn with_grant(&self, grant: Grant) -> Self {
        let Shared { store, vault, clock, products, known, .. } = &*self.0;
        let (store, vault, clock) = (Arc::clone(store), Arc::clone(vault), clock.clone());
        let (products, known) = (Arc::clone(products), Arc::clone(known));
        Self(Arc::new(Shared { store, vault, clock, grant, products, known }))
    }

    /// Makes products of what an account's reports sell, in the transaction that stores the reports. `known` gives the
    /// product of an item where the caller knows it for certain. Gives what is to be called once the transaction is committed,
    /// and only then.
    ///
    /// # Errors
    /// Those of reading and storing.
    pub(crate) fn register(
        &self,
        write: &mut dyn Write,
        account: (u64, StoreKind),
        items: &[Item],
        known: &dyn Fn(ItemKey<'_>) -> Option<u64>,
    ) -> Result<Box<dyn FnOnce()>> {
        let env = Env { vault: &self.0.vault, now: self.0.clock.now() };
        let mut watched = Watched::new(write);
        catalogue::register(&mut watched, &env, account, items, known)?;
        let (shared, touched) = (Arc::clone(&self.0), watched.touched()?);
        Ok(Box::new(move || shared.tell(&touched)))
    }

    /// Whether there is a product of this id.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn has_product(&self, id: u64) -> Result<bool> {
        self.0.store.read(|snapshot| item_links::is_there(snapshot, id))
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
        let reached = Some(find(name)?).filter(|entry| !entry.hidden);
        Ok((reached.ok_or_else(|| unknown(name))?.open)(Arc::clone(&self.0)))
    }

    /// Writes all records of one moment to a file, a line of JSON each. Gives their number.
    ///
    /// # Errors
    /// [`Error::Io`]; no file of that name is begun or changed then.
    pub fn export(&self, path: &Path) -> Result<u64> {
        let mut file = transfer::Writer::create(path)?;
        let now = self.0.clock.now();
        let written = self.0.store.read(|snapshot| {
            COLLECTIONS
                .iter()
                .try_for_each(|entry| (entry.export)(snapshot, now, &mut |line| file.line(&line)))
        });
        match written {
            Ok(()) => file.finish(),
            Err(error) => {
                file.abandon();
                Err(error)
            }
        }
    }

    /// Stores the records of a file that [`Records::export`] wrote, with the ids and times they had. Gives the number of
    /// those that were not stored already. What a record refers to may stand anywhere in the file, or be stored; all is
    /// examined before the first record is stored.
    ///
    /// # Errors
    /// [`Error::Format`] with the lines that cannot be read or refer to what is nowhere, [`Error::Conflict`] with those
    /// whose id or unique value is another record's: nothing is stored then. A step of records stays where a later one
    /// fails for the disk or for what others changed meanwhile; it is passed over when the file is imported again.
    pub fn import(&self, path: &Path) -> Result<u64> {
        self.import_while(path, &|| ControlFlow::Continue(()))
    }

    /// As [`Records::import`], for as long as `wanted` says so: it is asked before each line is read, and before it is
    /// looked at.
    ///
    /// # Errors
    /// Those, and [`Error::Cancelled`]: steps that are stored by then stay.
    pub fn import_while(&self, path: &Path, wanted: &dyn Fn() -> ControlFlow<()>) -> Result<u64> {
        let wanted = &|| if wanted().is_continue() { Ok(()) } else { Err(Error::Cancelled) };
        let mut incoming = Incoming::new(Lines::open(path)?);
        self.examine(path, &mut incoming, wanted, |entry| entry.register)?;
        self.examine(path, &mut incoming, wanted, |entry| entry.check)?;
        let mut lines = Lines::open(path)?;
        let mut count = 0;
        loop {
            let step = lines.step(wanted)?;
            if step.is_empty() {
                return Ok(count);
            }
            count += self.import_step(&lines, step, &mut incoming, wanted)?;
        }
    }

    /// Looks at every line, and tells at once what is wrong with all of them.
    fn examine(
        &self,
        path: &Path,
        incoming: &mut Incoming,
        wanted: &dyn Fn() -> Result<()>,
        how: fn(&Entry) -> Examine,
    ) -> Result<()> {
        let now = self.0.clock.now();
        let (mut lines, mut faults) = (Lines::open(path)?, Faults::default());
        loop {
            let step = lines.step(wanted)?;
            if step.is_empty() || faults.is_full() {
                return faults.refuse(&lines);
            }
            self.0.store.read(|snapshot| {
                step.into_iter().try_for_each(|(place, line)| {
                    wanted()?;
                    let outcome = line.and_then(|line| {
                        how(find(&line.collection)?)(snapshot, now, (&line, place), incoming)
                    });
                    faults.note(place.number, outcome)
                })
            })?;
        }
    }

    fn import_step(
        &self,
        lines: &Lines,
        step: Vec<(Place, Result<Line>)>,
        incoming: &mut Incoming,
        wanted: &dyn Fn() -> Result<()>,
    ) -> Result<u64> {
        self.0.write(|write, env| {
            let mut count = 0;
            for (place, line) in step {
                wanted()?;
                let line = line?;
                let stored =
                    find(&line.collection).and_then(|entry| (entry.import)(write, env, &line, incoming));
                count += u64::from(stored.map_err(|error| lines.place(place.number, error))?);
            }
            Ok(count)
        })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::records::index::{field, indexes};

    /// The tag of a collection whose indexes are numbered from 0 on and stand over fields that it has.
    fn sound<R: Record>() -> u8 {
        for name in indexes::<R>().flat_map(|index| index.fields) {
            assert!(field::<R>(name).is_some(), "{name} of {}", R::COLLECTION);
        }
        let numbers = indexes::<R>().map(|index| index.number);
        assert!(numbers.zip(0..).all(|(number, place)| number == place), "{}", R::COLLECTION);
        R::TAG
    }

    #[test]
    fn collections_stand_apart_and_index_what_they_have() {
        let tags = [
            sound::<ExternalAccount>(),
            sound::<Account>(),
            sound::<Product>(),
            sound::<ProductLink>(),
            sound::<Customer>(),
            sound::<CustomerGroup>(),
            sound::<Subscriber>(),
            sound::<GiftCard>(),
            sound::<CustomerLink>(),
            sound::<CustomerAddress>(),
            sound::<Brand>(),
            sound::<Category>(),
            sound::<CategoryProduct>(),
            sound::<Campaign>(),
            sound::<CampaignPrice>(),
            sound::<BannerGroup>(),
            sound::<Banner>(),
        ];
        assert_eq!(tags.len(), COLLECTIONS.len());
        assert_eq!(BTreeSet::from(tags).len(), COLLECTIONS.len());
        let names: BTreeSet<_> = COLLECTIONS.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), COLLECTIONS.len());
    }
}
