//! What a row is sold as, and by which rows of one product are known: the SKU, at Google Play together with the app. Its
//! SKUs are unique only within an app, and many an app sells a `premium`.

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
    /// The app within which the SKU is unique; none for an app, and where a SKU is unique within its store.
    pub app: Option<&'a str>,
}

impl<'a> ItemKey<'a> {
    /// The key of a SKU that is unique within its store.
    pub fn alone(sku: &'a str) -> Self {
        Self { sku, app: None }
    }

    /// The key of a row with this SKU and this parent's SKU.
    pub fn of(store: StoreKind, sku: &'a str, parent: Option<&'a str>) -> Self {
        let app = parent.filter(|parent| store.has_skus_by_app() && !parent.trim().is_empty());
        Self { sku, app }
    }

    /// Reads `app:sku`. Neither a package nor a SKU of Google Play has a colon.
    pub fn parse(store: StoreKind, text: &'a str) -> Option<Self> {
        let (app, sku) = text.split_once(':').filter(|_| store.has_skus_by_app())?;
        Some(Self { sku, app: Some(app) })
    }
}

/// `app:sku`, or the SKU where there is no app to it.
impl fmt::Display for ItemKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.app {
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
    /// Puts the columns `sku` and `parent_sku` together.
    pub fn new(store: StoreKind, skus: &'a Column, parents: Option<&'a Column>) -> Self {
        let key = |row: usize| {
            let sku = skus.text(row)?;
            Some(ItemKey::of(store, sku, parents.and_then(|parents| parents.text(row))))
        };
        match (skus, parents) {
            (Column::Coded { codes: skus, .. }, Some(Column::Coded { codes: parents, .. })) => {
                let pairs = skus.iter().zip(parents).enumerate();
                Self::number(
                    pairs.map(|(row, (&sku, &parent))| (row, (sku != NULL_CODE).then_some((sku, parent)))),
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
            assert_eq!(key.app, (store == GOOGLE).then_some("com.a"), "{store}");
            assert_eq!(ItemKey::of(store, "com.a", None), ItemKey::alone("com.a"));
            assert_eq!(ItemKey::of(store, "com.a", Some(" ")), ItemKey::alone("com.a"));
        }
    }

    #[test]
    fn a_key_is_written_with_its_app() {
        let key = ItemKey { sku: "premium", app: Some("com.a") };
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
        let key = |sku, app| ItemKey { sku, app };
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
