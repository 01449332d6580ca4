//! What a row is sold as, and by which rows of one product are known: the SKU, and what tells its items apart where one
//! SKU may be several.
//!
//! At Google Play SKUs are unique only within an app, and many an app sells a `premium`: there it is the app's package. At
//! Apple they are unique only within an account, and what is sold is told by its number, the Apple Identifier.

use std::fmt;
use std::hash::Hash;

use hashbrown::HashMap;

use super::StoreKind;
use crate::column::{Column, NULL_CODE};

/// What tells an item from all others of its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey<'a> {
    /// As it stands in the rows.
    pub sku: &'a str,
    /// At Google Play the package of the app that an item is sold in, at Apple the Apple Identifier; none for an app of
    /// Google's, where there is none, and where SKUs are unique within their store.
    pub mark: Option<&'a str>,
}

impl<'a> ItemKey<'a> {
    /// The key of a SKU with nothing beside it.
    pub fn alone(sku: &'a str) -> Self {
        Self { sku, mark: None }
    }

    /// The key of a row with this SKU and this text in the column of [`is_mark`].
    pub fn of(store: StoreKind, sku: &'a str, mark: Option<&'a str>) -> Self {
        let mark = match store {
            StoreKind::GooglePlay => mark.filter(|package| !package.trim().is_empty()),
            StoreKind::Apple => mark.map(str::trim).filter(|number| is_number(number)),
            StoreKind::Amazon => None,
        };
        Self { sku, mark }
    }

    /// Reads `app:sku`. Neither a package nor a SKU of Google Play has a colon.
    pub fn parse(store: StoreKind, text: &'a str) -> Option<Self> {
        let (app, sku) = text.split_once(':').filter(|_| store.has_skus_by_app())?;
        Some(Self { sku, mark: Some(app) })
    }
}

/// The letters and digits of the header that Apple's own numbers stand under.
pub(super) const APPLE_IDENTIFIER: &str = "appleidentifier";

/// Whether a header says this, whatever its blanks and case.
pub(super) fn says(header: &str, wanted: &str) -> bool {
    let letters = header.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    letters.eq(wanted.bytes())
}

/// Whether a column tells items of one SKU apart.
pub fn is_mark(store: StoreKind, column: &str) -> bool {
    match store {
        StoreKind::GooglePlay => column == "parent_sku",
        StoreKind::Apple => says(column, APPLE_IDENTIFIER),
        StoreKind::Amazon => false,
    }
}

/// Whether a text can be an Apple Identifier. What else stands there, such as the stars of a file that was made
/// anonymous, tells nothing apart.
fn is_number(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `app:sku`, or the SKU where there is no app to it.
impl fmt::Display for ItemKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mark {
            Some(app) => write!(f, "{app}:{}", self.sku),
            None => f.pad(self.sku),
        }
    }
}

/// What the rows of some columns are sold as, each key once.
#[derive(Debug)]
pub struct ItemCodes<'a> {
    pub keys: Vec<ItemKey<'a>>,
    /// Of each row the place of its key; [`NULL_CODE`] where it has no SKU.
    pub codes: Vec<u32>,
}

impl<'a> ItemCodes<'a> {
    /// Puts the column `sku` and that of [`is_mark`] together.
    pub fn new(store: StoreKind, skus: &'a Column, marks: Option<&'a Column>) -> Self {
        let key = |row: usize| {
            let sku = skus.text(row)?;
            Some(ItemKey::of(store, sku, marks.and_then(|marks| marks.text(row))))
        };
        match (skus, marks) {
            (Column::Coded { codes: skus, .. }, Some(Column::Coded { codes: marks, .. })) => {
                let pairs = skus.iter().zip(marks).enumerate();
                Self::number(
                    pairs.map(|(row, (&sku, &mark))| (row, (sku != NULL_CODE).then_some((sku, mark)))),
                    key,
                )
            }
            _ => Self::number((0..skus.len()).map(|row| (row, key(row))), key),
        }
    }

    /// Numbers what rows have; of what is new, `key` gives the key of its row.
    fn number<T: Copy + Eq + Hash>(
        rows: impl Iterator<Item = (usize, Option<T>)>,
        key: impl Fn(usize) -> Option<ItemKey<'a>>,
    ) -> Self {
        let (mut keys, mut codes, mut known) = (Vec::new(), Vec::new(), HashMap::new());
        // Rows of one item often stand together.
        let mut last = (None, NULL_CODE);
        for (row, value) in rows {
            if value != last.0 {
                let code = match value {
                    None => NULL_CODE,
                    Some(value) => *known.entry(value).or_insert_with(|| {
                        keys.extend(key(row));
                        u32::try_from(keys.len()).map_or(NULL_CODE, |count| count - 1)
                    }),
                };
                last = (value, code);
            }
            codes.push(last.1);
        }
        Self { keys, codes }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;

    const GOOGLE: StoreKind = StoreKind::GooglePlay;

    /// A column with a dictionary.
    pub(in crate::ingest) fn coded(texts: &[Option<&str>]) -> Column {
        let mut distinct: Vec<&str> = texts.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let code = |text: &str| u32::try_from(distinct.binary_search(&text).unwrap()).unwrap();
        let codes = texts.iter().map(|text| text.map_or(NULL_CODE, code)).collect();
        Column::Coded { dictionary: Arc::new(distinct.iter().copied().collect()), codes }
    }

    /// A column without one.
    pub(in crate::ingest) fn plain(texts: &[Option<&str>]) -> Column {
        let valid: Vec<bool> = texts.iter().map(Option::is_some).collect();
        let values = texts.iter().map(|text| text.unwrap_or_default()).collect();
        Column::Plain { values, nulls: Some(valid.into()) }
    }

    #[test]
    fn only_googles_skus_are_an_apps_own() {
        for store in StoreKind::ALL {
            let key = ItemKey::of(store, "premium", Some("com.a"));
            assert_eq!(key.mark, (store == GOOGLE).then_some("com.a"), "{store}");
            assert_eq!(ItemKey::of(store, "com.a", None), ItemKey::alone("com.a"));
            assert_eq!(ItemKey::of(store, "com.a", Some(" ")), ItemKey::alone("com.a"));
        }
    }

    #[test]
    fn apples_items_are_told_by_their_numbers() {
        let mark = |text| ItemKey::of(StoreKind::Apple, "fob", Some(text)).mark;
        assert_eq!(
            [" 300 ", " ", "***", "3x", "-3", "+3"].map(mark),
            [Some("300"), None, None, None, None, None]
        );
        assert_eq!(mark("12345678901234567890"), None);
        let columns = ["Apple Identifier", "appleidentifier", "parent_sku", "Apple Identifiers", "sku"];
        assert_eq!(
            columns.map(|column| is_mark(StoreKind::Apple, column)),
            [true, true, false, false, false]
        );
        assert_eq!(columns.map(|column| is_mark(GOOGLE, column)), [false, false, true, false, false]);
        assert!(!columns.iter().any(|column| is_mark(StoreKind::Amazon, column)));
    }

    #[test]
    fn a_key_is_written_with_its_app() {
        let key = ItemKey { sku: "premium", mark: Some("com.a") };
        assert_eq!(
            (key.to_string().as_str(), ItemKey::alone("a").to_string().as_str()),
            ("com.a:premium", "a")
        );
        assert_eq!(ItemKey::parse(GOOGLE, "com.a:premium"), Some(key));
        assert_eq!(ItemKey::parse(GOOGLE, "premium"), None);
        assert_eq!(ItemKey::parse(StoreKind::Amazon, "com.a:premium"), None);
    }

    #[test]
    fn pairs_are_numbered_whatever_the_columns() {
        let skus = [Some("p"), Some("p"), Some("p"), None, Some("q"), Some("a"), Some("p")];
        let apps = [Some("a"), Some("a"), Some("b"), Some("b"), Some("b"), None, Some("a")];
        let key = |sku, mark| ItemKey { sku, mark };
        let keys = [key("p", Some("a")), key("p", Some("b")), key("q", Some("b")), key("a", None)];
        for text in [coded, plain] {
            for app_text in [coded, plain] {
                let (skus, apps) = (text(&skus), app_text(&apps));
                let found = ItemCodes::new(GOOGLE, &skus, Some(&apps));
                assert_eq!((&*found.keys, &*found.codes), (&keys[..], &[0, 0, 1, NULL_CODE, 2, 3, 0][..]));
            }
            assert_eq!(ItemCodes::new(GOOGLE, &text(&skus), None).keys, ["p", "q", "a"].map(ItemKey::alone));
        }
    }
}
