//! The marketplaces and products that generated reports are about.

use std::sync::LazyLock;

use jiff::tz::TimeZone;

use crate::decimal::UNIT;
use crate::rng::Rng;

/// A marketplace of the Amazon Appstore.
#[derive(Debug)]
pub struct Market {
    /// As reports write it.
    pub name: &'static str,
    /// What it sells in.
    pub currency: &'static str,
    /// The decimals that its prices are written with.
    pub decimals: usize,
    /// How many times a dollar's price its prices are.
    pub rate: i64,
    /// Its buyers' countries; the first is its own.
    pub countries: &'static [&'static str],
    /// Its IANA zone; empty where reports give no instant, only a date.
    zone_name: &'static str,
    /// What a report may write behind a time: winter and summer.
    tokens: Option<[&'static str; 2]>,
}

impl Market {
    /// The zone its times are in.
    pub fn zone(&self) -> Option<&'static TimeZone> {
        static ZONES: LazyLock<Vec<Option<TimeZone>>> = LazyLock::new(|| {
            let zone = |market: &Market| {
                (!market.zone_name.is_empty()).then(|| TimeZone::get(market.zone_name).unwrap())
            };
            MARKETS.iter().map(zone).collect()
        });
        ZONES[MARKETS.iter().position(|market| market.name == self.name).unwrap()].as_ref()
    }

    /// The token for this local time, where the marketplace has tokens and the clock leaves no doubt.
    pub fn token(&self, local: jiff::civil::DateTime) -> Option<&'static str> {
        let zone = self.zone()?;
        let ambiguous = zone.to_ambiguous_timestamp(local);
        let instant = if ambiguous.is_ambiguous() { return None } else { ambiguous.compatible().ok()? };
        let summer = zone.to_offset_info(instant).dst().is_dst();
        self.tokens.map(|tokens| tokens[usize::from(summer)])
    }
}

const fn market(
    name: &'static str,
    currency: &'static str,
    (decimals, rate): (usize, i64),
    countries: &'static [&'static str],
    zone_name: &'static str,
    tokens: Option<[&'static str; 2]>,
) -> Market {
    Market { name, currency, decimals, rate, countries, zone_name, tokens }
}

const EUROPE: Option<[&str; 2]> = Some(["CET", "CEST"]);

/// Every marketplace, the largest first. The last one is of a kind the engine has no zone for.
pub static MARKETS: [Market; 11] = [
    market("Amazon.com", "USD", (2, 1), &["US", "PR", "CO"], "America/Los_Angeles", Some(["PST", "PDT"])),
    market("Amazon.de", "EUR", (2, 1), &["DE", "AT", "CH", "PL"], "Europe/Paris", EUROPE),
    market("Amazon.co.uk", "GBP", (2, 1), &["GB", "IE"], "Europe/London", Some(["GMT", "BST"])),
    market("Amazon.co.jp", "JPY", (0, 100), &["JP"], "Asia/Tokyo", Some(["JST", "JST"])),
    market("Amazon.fr", "EUR", (2, 1), &["FR", "BE", "LU"], "Europe/Paris", EUROPE),
    market("Amazon.in", "INR", (2, 80), &["IN"], "Asia/Kolkata", Some(["IST", "IST"])),
    market("Amazon.com.br", "BRL", (2, 5), &["BR"], "America/Sao_Paulo", None),
    market("Amazon.it", "EUR", (2, 1), &["IT"], "Europe/Paris", EUROPE),
    market("Amazon.es", "EUR", (2, 1), &["ES", "PT"], "Europe/Paris", EUROPE),
    market("Amazon.com.au", "AUD", (2, 2), &["AU", "NZ"], "Australia/Sydney", Some(["AEST", "AEDT"])),
    market("Amazon.ca", "CAD", (2, 1), &["CA"], "", None),
];

/// Finds a marketplace by name.
pub fn market_of(name: &str) -> &'static Market {
    MARKETS.iter().find(|market| market.name == name).unwrap()
}

/// Something that is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The vendor's own key.
    pub sku: String,
    /// The store's key.
    pub asin: String,
    /// The app's title.
    pub title: String,
    /// The in-app item's name; empty for an app.
    pub item_name: String,
    /// App, purchase or subscription.
    pub item_type: &'static str,
    /// A subscription's term; empty for others.
    pub term: &'static str,
    /// The price in dollars, at 10⁻⁶; 0 for a free app.
    pub price: i64,
}

const TITLES: [&str; 20] = [
    "Chess, Checkers & More",
    "The \"Best\" Notepad",
    "数独パズル",
    "Müller's Wörterbuch",
    "Судоку, классика",
    "लूडो किंग",
    "Café Manager",
    "مزرعة السعادة",
    "俄罗斯方块",
    "Space Miner",
    "Weather Radar Pro",
    "Fit in 7 Minutes",
    "🎲 Dice Roller",
    "O'Reilly's Quiz",
    "Sleep; Sounds | Rain",
    "Ça alors!",
    "한국어 단어장",
    "Solitaire",
    "Piano, Drums, \"Bass\"",
    "Ελληνικό Σταυρόλεξο",
];

const ITEMS: [&str; 8] = [
    "100 Coins",
    "Remove Ads",
    "Premium, monthly",
    "Gold \"Pass\"",
    "新しいステージ",
    "Extra Lives",
    "Theme: Dark",
    "Sac à dos",
];

const PRICES_CENTS: [i64; 9] = [99, 199, 299, 499, 999, 1_499, 1_999, 4_999, 99];
const TERMS: [&str; 4] = ["1 Month", "3 Months", "12 Months", "1 Year"];

/// All products, the best sellers first: twenty apps, a fifth of them free, with in-app items and subscriptions.
pub fn catalogue() -> &'static [Product] {
    static CATALOGUE: LazyLock<Vec<Product>> = LazyLock::new(|| {
        let mut rng = Rng::new(20_180_301);
        (0..400).map(|index| product(index, &mut rng)).collect()
    });
    &CATALOGUE
}

fn product(index: usize, rng: &mut Rng) -> Product {
    let app = index % TITLES.len();
    let (item_type, item_name, term) = match index / TITLES.len() {
        0 => ("App", String::new(), ""),
        n if n % 4 == 3 => {
            ("Subscription", format!("{} {n}", ITEMS[n % ITEMS.len()]), TERMS[n % TERMS.len()])
        }
        n => ("In-App Item", format!("{} {n}", ITEMS[n % ITEMS.len()]), ""),
    };
    let free = item_type == "App" && app.is_multiple_of(5);
    Product {
        sku: format!(
            "com.example.app{app:02}{}",
            if index < TITLES.len() { String::new() } else { format!(".item{index:03}") }
        ),
        asin: format!("B0{:08}", 70_000_000 + rng.below(9_999_999)),
        title: TITLES[app].to_owned(),
        item_name,
        item_type,
        term,
        price: if free { 0 } else { rng.pick(&PRICES_CENTS) * (UNIT / 100) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_are_unique_and_some_apps_are_free() {
        let skus: std::collections::BTreeSet<_> = catalogue().iter().map(|product| &product.sku).collect();
        assert_eq!(skus.len(), catalogue().len());
        assert!(catalogue().iter().any(|product| product.price == 0));
    }

    #[test]
    fn tokens_follow_the_clock() {
        let berlin = market_of("Amazon.de");
        assert_eq!(berlin.token(jiff::civil::date(2018, 1, 5).at(12, 0, 0, 0)), Some("CET"));
        assert_eq!(berlin.token(jiff::civil::date(2018, 7, 5).at(12, 0, 0, 0)), Some("CEST"));
        assert_eq!(berlin.token(jiff::civil::date(2018, 10, 28).at(2, 30, 0, 0)), None, "occurs twice");
    }
}
