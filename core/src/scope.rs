//! Scopes: what a narrowed handle may do. A handle has all of them until `restrict` takes some away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::quoted;
use crate::{Error, Result};

/// One thing a handle may do. The names of the first five are the stores' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reading external accounts.
    AccountRead,
    /// Changing external accounts.
    AccountWrite,
    /// Reading products.
    ProductsRead,
    /// Changing products.
    ProductsWrite,
    /// Searching all products.
    PublicRead,
    /// Reading sales, imports and rejects.
    SalesRead,
    /// Importing and deleting reports.
    SalesWrite,
    /// Reading all other records.
    RecordsRead,
    /// Changing all other records.
    RecordsWrite,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::AccountRead,
        Self::AccountWrite,
        Self::ProductsRead,
        Self::ProductsWrite,
        Self::PublicRead,
        Self::SalesRead,
        Self::SalesWrite,
        Self::RecordsRead,
        Self::RecordsWrite,
    ];

    /// As users write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountRead => "account:read",
            Self::AccountWrite => "account:write",
            Self::ProductsRead => "products:read",
            Self::ProductsWrite => "products:write",
            Self::PublicRead => "public:read",
            Self::SalesRead => "sales:read",
            Self::SalesWrite => "sales:write",
            Self::RecordsRead => "records:read",
            Self::RecordsWrite => "records:write",
        }
    }

    /// The scope of a name.
    ///
    /// # Errors
    /// [`Error::Validation`] for a name that is none; it lists those that are.
    ///
    /// ```
    /// use tillroll_core::Scope;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// assert_eq!(Scope::parse("sales:read")?, Scope::SalesRead);
    /// assert!(Scope::parse("everything").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Error::invalid("scopes", format!("{} is none of {known}", quoted(name)))
        })
    }
}

/// What one handle may do. Clones stand for the same handle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grant(Option<Arc<Narrowed>>);

#[derive(Debug)]
struct Narrowed {
    scopes: Vec<Scope>,
    closed: AtomicBool,
}

impl Grant {
    /// A narrower one, with these scopes and no others.
    ///
    /// # Errors
    /// [`Error::Access`] for a scope that this one has not.
    pub(crate) fn narrow(&self, scopes: &[Scope]) -> Result<Self> {
        scopes.iter().try_for_each(|&scope| self.allow(scope))?;
        let (scopes, closed) = (scopes.to_vec(), AtomicBool::new(false));
        Ok(Self(Some(Arc::new(Narrowed { scopes, closed }))))
    }

    /// Refuses what needs a scope that is not granted.
    ///
    /// # Errors
    /// [`Error::Access`], [`Error::Closed`].
    pub(crate) fn allow(&self, scope: Scope) -> Result<()> {
        let Some(narrowed) = &self.0 else { return Ok(()) };
        narrowed.refuse_closed()?;
        if narrowed.scopes.contains(&scope) {
            return Ok(());
        }
        Err(Error::Access { detail: format!("this handle does not have the scope {}", scope.as_str()) })
    }

    /// Refuses what concerns the whole database, such as verifying it.
    ///
    /// # Errors
    /// [`Error::Access`] on any narrowed handle, [`Error::Closed`].
    pub(crate) fn allow_all(&self) -> Result<()> {
        let Some(narrowed) = &self.0 else { return Ok(()) };
        narrowed.refuse_closed()?;
        Err(Error::Access { detail: "this handle is restricted; that needs an unrestricted one".to_owned() })
    }

    /// Closes this handle, if it is a narrowed one: that leaves the database open. False for an unrestricted handle.
    pub(crate) fn close(&self) -> bool {
        self.0.as_ref().map(|narrowed| narrowed.closed.store(true, Ordering::Relaxed)).is_some()
    }

    /// Whether this handle was closed by itself.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.as_ref().is_some_and(|narrowed| narrowed.closed.load(Ordering::Relaxed))
    }
}

impl Narrowed {
    fn refuse_closed(&self) -> Result<()> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::Closed { detail: "this handle was closed".to_owned() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_handle_never_gains_a_scope() {
        let all = Grant::default();
        let sales = all.narrow(&[Scope::SalesRead, Scope::SalesWrite]).unwrap();
        assert!(sales.allow(Scope::SalesWrite).is_ok());
        let refused = sales.allow(Scope::PublicRead).unwrap_err();
        assert_eq!(refused.to_string(), "this handle does not have the scope public:read");
        assert_eq!(sales.allow_all().unwrap_err().kind(), ErrorKind::Access);
        let read = sales.narrow(&[Scope::SalesRead]).unwrap();
        assert_eq!(read.allow(Scope::SalesWrite).unwrap_err().kind(), ErrorKind::Access);
        assert_eq!(read.narrow(&[Scope::SalesWrite]).unwrap_err().kind(), ErrorKind::Access);
        assert_eq!(all.narrow(&[]).unwrap().allow(Scope::SalesRead).unwrap_err().kind(), ErrorKind::Access);
    }

    #[test]
    fn closing_a_narrowed_handle_ends_that_handle_only() {
        let all = Grant::default();
        assert!(!all.close());
        let narrowed = all.narrow(&[Scope::SalesRead]).unwrap();
        let same = narrowed.clone();
        assert!(narrowed.close() && same.is_closed());
        assert_eq!(same.allow(Scope::SalesRead).unwrap_err().kind(), ErrorKind::Closed);
        assert!(all.allow(Scope::SalesRead).is_ok());
    }

    #[test]
    fn names_are_the_stores_own() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()).unwrap(), scope);
        }
        assert_eq!(Scope::parse("sales").unwrap_err().kind(), ErrorKind::Validation);
    }
}
