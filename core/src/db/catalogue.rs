//! What the sales know of products. There are none yet.

use std::sync::Arc;

use crate::Result;
use crate::ingest::{Item, StoreKind};
use crate::sales::{Catalogue, Products};
use crate::store::Write;

/// A catalogue without products.
#[derive(Debug)]
pub(super) struct Empty;

impl Catalogue for Empty {
    fn register(&self, _: &mut dyn Write, _: u64, _: StoreKind, _: &[Item]) -> Result<()> {
        Ok(())
    }

    fn products(&self) -> Result<Arc<Products>> {
        Ok(Arc::default())
    }

    fn contains(&self, _: u64) -> Result<bool> {
        Ok(false)
    }
}
