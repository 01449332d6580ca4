//! The stores that products are sold in.
//!
//! Decided where the stores' own API is silent: it shows products of Amazon under `amazon_appstore`, however they were
//! asked for, and so do products here, and so does [`AppStore`]; accounts and sales say `amazon`. Numbers and names of
//! the stores beyond the first three are Tillroll's own but for the name `windows10`. An Apple product that names the
//! device `Desktop` is in the storefront `apple:mac`, one that names any other device, or none, in `apple:ios`.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::ingest::StoreKind;

/// A store that products are sold in. The numbers are the stores' ids in records: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "u8")]
#[repr(u8)]
#[non_exhaustive]
pub enum AppStore {
    /// Apple's App Store; text `apple`.
    Apple = 1,
    /// Google Play; text `google_play`.
    GooglePlay = 2,
    /// The Amazon Appstore; text `amazon_appstore`.
    AmazonAppstore = 3,
    /// The Microsoft Store; text `windows10`.
    Windows10 = 4,
}

/// A part of a store that searches can be narrowed to, as a bit.
struct Storefront {
    name: &'static str,
    bit: u32,
}

const APPLE_IOS: Storefront = Storefront { name: "apple:ios", bit: 1 };
const APPLE_MAC: Storefront = Storefront { name: "apple:mac", bit: 2 };
const GOOGLE_PLAY: Storefront = Storefront { name: "google_play", bit: 4 };
const AMAZON_APPSTORE: Storefront = Storefront { name: "amazon_appstore", bit: 8 };
const WINDOWS10: Storefront = Storefront { name: "windows10", bit: 16 };

impl AppStore {
    /// All stores, by id.
    pub const ALL: [Self; 4] = [Self::Apple, Self::GooglePlay, Self::AmazonAppstore, Self::Windows10];

    /// The store's id.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The store of an id; `None` for another number.
    pub fn from_id(id: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|store| u64::from(store.id()) == id)
    }

    /// The name under which products show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apple => "apple",
            Self::GooglePlay => "google_play",
            Self::AmazonAppstore => "amazon_appstore",
            Self::Windows10 => "windows10",
        }
    }

    /// Reads any usual spelling, whatever its case and separators, and the names of storefronts; `None` for what names
    /// no store.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String =
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        match plain.as_str() {
            "appleios" | "applemac" | "mac" | "macappstore" => Some(Self::Apple),
            "windows10" | "windows" | "windowsstore" | "microsoft" | "microsoftstore" => {
                Some(Self::Windows10)
            }
            _ => StoreKind::parse(text).map(Self::from),
        }
    }

    const fn parts(self) -> &'static [Storefront] {
        match self {
            Self::Apple => &[APPLE_IOS, APPLE_MAC],
            Self::GooglePlay => &[GOOGLE_PLAY],
            Self::AmazonAppstore => &[AMAZON_APPSTORE],
            Self::Windows10 => &[WINDOWS10],
        }
    }

    /// The names of its storefronts.
    pub fn storefronts(self) -> Vec<&'static str> {
        self.parts().iter().map(|part| part.name).collect()
    }

    fn bits(self) -> u32 {
        self.parts().iter().map(|part| part.bit).sum()
    }

    /// The storefronts in which a product for these devices is, as bits.
    pub(in crate::records) fn bits_for(self, devices: &[String]) -> u32 {
        if self != Self::Apple {
            return self.bits();
        }
        let desktop = |device: &&String| device.eq_ignore_ascii_case("desktop");
        let desktops = devices.iter().filter(desktop).count();
        let mac = if desktops > 0 { APPLE_MAC.bit } else { 0 };
        if desktops < devices.len() || devices.is_empty() { mac | APPLE_IOS.bit } else { mac }
    }
}

/// The storefronts of a name, as bits: one of them, or a store and so all of its own. `None` for what names none.
pub(in crate::records) fn storefront_bits(name: &str) -> Option<u32> {
    let part = AppStore::ALL.into_iter().flat_map(AppStore::parts).find(|part| part.name == name);
    // `mac` and `ios` say which part of Apple's store they are.
    match (part, name) {
        (Some(part), _) => Some(part.bit),
        (None, "mac") => Some(APPLE_MAC.bit),
        (None, "ios") => Some(APPLE_IOS.bit),
        _ => AppStore::parse(name).map(AppStore::bits),
    }
}

/// The canonical name of a store, for filters.
pub(in crate::records) fn canonical(text: &str) -> Option<&'static str> {
    AppStore::parse(text).map(AppStore::as_str)
}

/// The names of all stores.
pub(in crate::records) fn names() -> [&'static str; 4] {
    AppStore::ALL.map(AppStore::as_str)
}

impl fmt::Display for AppStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<StoreKind> for AppStore {
    fn from(kind: StoreKind) -> Self {
        match kind {
            StoreKind::Apple => Self::Apple,
            StoreKind::GooglePlay => Self::GooglePlay,
            StoreKind::Amazon => Self::AmazonAppstore,
        }
    }
}

impl TryFrom<u8> for AppStore {
    type Error = String;

    fn try_from(id: u8) -> Result<Self, String> {
        Self::from_id(id.into()).ok_or_else(|| format!("there is no store {id}"))
    }
}

impl Serialize for AppStore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.id())
    }
}

/// What `stores()` tells of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoreInfo {
    /// The store's id, as products show it in `store_id`.
    pub id: u8,
    /// Its name, as products show it in `store`.
    pub name: &'static str,
    /// What a search can be narrowed to; the name alone stands for all of them.
    pub storefronts: Vec<&'static str>,
}

/// All stores, by id.
pub(crate) fn stores() -> Vec<StoreInfo> {
    let info = |store: AppStore| StoreInfo {
        id: store.id(),
        name: store.as_str(),
        storefronts: store.storefronts(),
    };
    AppStore::ALL.into_iter().map(info).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_stay() {
        assert_eq!(AppStore::ALL.map(AppStore::id), [1, 2, 3, 4]);
        assert_eq!(names(), ["apple", "google_play", "amazon_appstore", "windows10"]);
        assert_eq!(AppStore::from_id(3), Some(AppStore::AmazonAppstore));
        assert_eq!([0, 5, 257].map(AppStore::from_id), [None; 3]);
        for kind in StoreKind::ALL {
            assert_eq!(AppStore::from(kind).id(), kind.id());
        }
    }

    #[test]
    fn every_spelling_leads_to_one_store() {
        for (text, store) in [
            ("apple", AppStore::Apple),
            ("apple:mac", AppStore::Apple),
            ("apple:ios", AppStore::Apple),
            ("Mac", AppStore::Apple),
            ("google", AppStore::GooglePlay),
            ("google_play", AppStore::GooglePlay),
            ("amazon", AppStore::AmazonAppstore),
            ("Amazon Appstore", AppStore::AmazonAppstore),
            ("windows10", AppStore::Windows10),
            ("Microsoft Store", AppStore::Windows10),
        ] {
            assert_eq!(AppStore::parse(text), Some(store), "{text}");
            assert_eq!(AppStore::parse(store.as_str()), Some(store));
        }
        for text in ["", "steam", "apple:tv", "windows11"] {
            assert_eq!(AppStore::parse(text), None, "{text}");
        }
    }

    #[test]
    fn storefronts_tell_phones_from_desktops() {
        let bits = |devices: &[&str]| {
            AppStore::Apple.bits_for(&devices.iter().map(|device| (*device).to_owned()).collect::<Vec<_>>())
        };
        let [ios, mac] = ["apple:ios", "apple:mac"].map(|name| storefront_bits(name).unwrap());
        assert_eq!(bits(&[]), ios);
        assert_eq!(bits(&["Handheld", "Tablet"]), ios);
        assert_eq!(bits(&["Desktop"]), mac);
        assert_eq!(bits(&["Desktop", "Tablet"]), ios | mac);
        assert_eq!(storefront_bits("apple"), Some(ios | mac));
        assert_eq!(["ios", "mac"].map(storefront_bits), [Some(ios), Some(mac)]);
        assert_eq!(storefront_bits("amazon"), Some(AppStore::AmazonAppstore.bits_for(&[])));
        assert_eq!(storefront_bits("steam"), None);
        let all: Vec<u32> =
            AppStore::ALL.into_iter().flat_map(AppStore::parts).map(|part| part.bit).collect();
        assert_eq!(all.iter().sum::<u32>().count_ones() as usize, all.len());
    }

    #[test]
    fn stores_are_told_as_json() {
        let json = serde_json::to_value(stores()).unwrap();
        assert_eq!(
            json[0],
            serde_json::json!({"id": 1, "name": "apple", "storefronts": ["apple:ios", "apple:mac"]})
        );
        assert_eq!(json.as_array().unwrap().len(), 4);
    }
}
