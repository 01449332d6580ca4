//! Trees of records: each may name the one that it stands under.

use std::collections::BTreeSet;

use crate::store::Read;
use crate::{Error, Result};

use super::index::damaged;
use super::input::Input;
use super::machine;
use super::{Context, Record, RecordId};

/// The most records above one.
pub(super) const DEPTH_MAX: usize = 1000;

/// A record that stands under another of its kind.
pub(super) trait Tree: Record {
    /// The field that names the one above, an indexed one.
    const PARENT: &'static str;
    /// The one above; none for one at the top.
    fn parent(&self) -> Option<Self::Id>;
}

/// A record and all above it, itself first.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corruption`] for a circle.
pub(super) fn lineage<R: Tree>(read: &dyn Read, id: &R::Id) -> Result<Vec<R>> {
    let mut seen = BTreeSet::from([id.clone()]);
    let mut found: Vec<R> = vec![machine::get(read, id)?];
    while let Some(parent) = found.last().and_then(Tree::parent) {
        found.push(machine::get(read, &parent)?);
        if !seen.insert(parent) {
            return Err(damaged::<R>(&format!("{} {id} stands under itself", R::NOUN)));
        }
    }
    Ok(found)
}

/// The parent that a record was given must be there, and not be the record itself or stand under it.
///
/// # Errors
/// Those of reading; what is wrong with the parent is a fault of the input.
pub(super) fn check_parent<R: Tree>(record: &R, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
    let Some(parent) = record.parent() else { return Ok(()) };
    let above: Vec<R> = match lineage(context.read, &parent) {
        Err(Error::NotFound { what }) => {
            input.fault(R::PARENT, format!("{what} not found"));
            return Ok(());
        }
        above => above?,
    };
    // A record that is new has no id that another could have.
    if above.iter().any(|one| one.id() == record.id()) {
        input.fault(R::PARENT, "would stand under itself");
    }
    if above.len() > DEPTH_MAX {
        input.fault(R::PARENT, format!("stands under {DEPTH_MAX} {} already", R::COLLECTION));
    }
    Ok(())
}

/// A record that others stand under cannot go.
///
/// # Errors
/// [`Error::Conflict`] that tells how many they are.
pub(super) fn refuse_with_children<R: Tree>(record: &R, read: &dyn Read) -> Result<()> {
    let children = machine::ids_of::<R>(read, &[R::PARENT], &[record.id().to_datum()])?.len();
    if children == 0 {
        return Ok(());
    }
    let (them, noun, id) = (R::COLLECTION, R::NOUN, record.id());
    let detail = format!("{children} {them} stand under {noun} {id}: move or delete them first");
    Err(Error::Conflict { field: R::PARENT.to_owned(), detail })
}
