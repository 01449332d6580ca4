//! The stores, and the kinds of report files they give out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::quoted;
use crate::{Error, Result};

/// An app store. The numbers are the stores' ids in records and files: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StoreKind {
    /// Apple's App Store; text `apple`.
    Apple = 1,
    /// Google Play; text `google_play`.
    GooglePlay = 2,
    /// The Amazon Appstore; text `amazon`.
    Amazon = 3,
}

impl StoreKind {
    /// All stores, by id.
    pub const ALL: [Self; 3] = [Self::Apple, Self::GooglePlay, Self::Amazon];

    /// The store's id: 1, 2 or 3.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The store of an id; `None` for another number.
    pub fn from_id(id: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|store| u64::from(store.id()) == id)
    }

    /// Whether a SKU is one item, whoever sells it.
    pub const fn has_unique_skus(self) -> bool {
        match self {
            Self::Amazon => true,
            Self::Apple | Self::GooglePlay => false,
        }
    }

    /// Whether a SKU is unique only within the app that sells it.
    pub const fn has_skus_by_app(self) -> bool {
        match self {
            Self::GooglePlay => true,
            Self::Apple | Self::Amazon => false,
        }
    }

    /// The canonical text: `apple`, `google_play` or `amazon`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apple => "apple",
            Self::GooglePlay => "google_play",
            Self::Amazon => "amazon",
        }
    }

    /// Reads any usual spelling, whatever its case and separators; `None` for what names no store.
    pub fn parse(text: &str) -> Option<Self> {
        match plain(text).as_str() {
            "apple" | "appstore" | "appleappstore" | "itunes" | "itunesconnect" | "appstoreconnect"
            | "ios" => Some(Self::Apple),
            "google" | "googleplay" | "play" | "playstore" | "googleplaystore" => Some(Self::GooglePlay),
            "amazon" | "amazonappstore" | "amazonapps" | "amazonstore" => Some(Self::Amazon),
            _ => None,
        }
    }
}

/// What a report file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Amazon's transactional sales report; text `amazon-sales`.
    AmazonSales = 1,
    /// Apple's summary sales report; text `apple-sales`.
    AppleSales = 2,
    /// Google Play's estimated sales report; text `google-sales`.
    GoogleSales = 3,
    /// Google Play's earnings report; text `google-earnings`.
    GoogleEarnings = 4,
}

impl Kind {
    /// All kinds, by id.
    pub const ALL: [Self; 4] = [Self::AmazonSales, Self::AppleSales, Self::GoogleSales, Self::GoogleEarnings];

    /// The kind's number in files: it never changes.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The kind of a number; `None` for another number.
    pub fn from_id(id: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| u64::from(kind.id()) == id)
    }

    /// The canonical text, e.g. `amazon-sales`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AmazonSales => "amazon-sales",
            Self::AppleSales => "apple-sales",
            Self::GoogleSales => "google-sales",
            Self::GoogleEarnings => "google-earnings",
        }
    }

    /// The store that gives out such reports.
    pub const fn store(self) -> StoreKind {
        match self {
            Self::AmazonSales => StoreKind::Amazon,
            Self::AppleSales => StoreKind::Apple,
            Self::GoogleSales | Self::GoogleEarnings => StoreKind::GooglePlay,
        }
    }
}

/// Lower case, letters and digits only, and no more of them than tell it from all names that there are.
fn plain(text: &str) -> String {
    const MOST: usize = 64;
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(MOST).collect()
}

/// One text form for print, parse and JSON.
macro_rules! text_form {
    ($name:ident, $field:literal, $parse:expr) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                $parse(text).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|one| one.as_str()).collect();
                    Error::invalid($field, format!("{} is none of {}", quoted(text), known.join(", ")))
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

text_form!(StoreKind, "store", StoreKind::parse);
text_form!(Kind, "kind", |text| {
    let asked = plain(text);
    Kind::ALL.into_iter().find(|kind| plain(kind.as_str()) == asked)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_numbers() {
        assert_eq!(StoreKind::ALL.map(StoreKind::id), [1, 2, 3]);
        assert_eq!(StoreKind::ALL.map(StoreKind::as_str), ["apple", "google_play", "amazon"]);
        assert_eq!(Kind::ALL.map(Kind::id), [1, 2, 3, 4]);
        assert_eq!(Kind::from_id(4), Some(Kind::GoogleEarnings));
        assert_eq!(Kind::from_id(0), None);
        assert_eq!(StoreKind::from_id(2), Some(StoreKind::GooglePlay));
        assert_eq!(StoreKind::from_id(256 + 2), None);
    }

    #[test]
    fn other_spellings_of_stores() {
        for (text, store) in [
            ("amazon_appstore", StoreKind::Amazon),
            ("Amazon Appstore", StoreKind::Amazon),
            ("google", StoreKind::GooglePlay),
            ("Google Play", StoreKind::GooglePlay),
            ("GOOGLE-PLAY", StoreKind::GooglePlay),
            ("itunes", StoreKind::Apple),
            ("App Store", StoreKind::Apple),
        ] {
            assert_eq!(text.parse::<StoreKind>().unwrap(), store, "{text}");
        }
        let error = "steam".parse::<StoreKind>().unwrap_err();
        assert_eq!(error.to_string(), "store: \"steam\" is none of apple, google_play, amazon");
    }

    #[test]
    fn kinds_print_and_parse() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<Kind>(&json).unwrap(), kind);
        }
        assert!("amazon".parse::<Kind>().is_err());
        assert_eq!(Kind::GoogleEarnings.store(), StoreKind::GooglePlay);
    }
}
