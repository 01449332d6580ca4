//! Header lines: columns are bound by normalised name (lower case, letters and digits only), never by position.

use std::collections::HashSet;

/// The personal fields of buyers, by normalised name. They are dropped unless asked for.
const PERSONAL: &[&str] = &[
    "appuserid",
    "buyercity",
    "buyerpostalcode",
    "buyerpostcode",
    "buyerstate",
    "city",
    "cityofbuyer",
    "postalcode",
    "postalcodeofbuyer",
    "postcode",
    "postcodeofbuyer",
    "state",
    "stateofbuyer",
    "zipcode",
];

/// Lower case, letters and digits only.
pub(super) fn normalise(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a column holds personal data of buyers (city, state, postal code, App User ID).
pub fn personal(header: &str) -> bool {
    PERSONAL.contains(&normalise(header).as_str())
}

/// The columns of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The names as written, without surrounding blanks.
    pub names: Vec<String>,
    keys: Vec<String>,
}

impl Header {
    /// A header of these cells. Blank ones at the end are what a trailing delimiter leaves, and no columns.
    pub(super) fn new<'a>(cells: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<String> = cells.into_iter().map(|cell| cell.trim().to_owned()).collect();
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        let keys = names.iter().map(|name| normalise(name)).collect();
        Self { names, keys }
    }

    /// The number of columns.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The columns whose normalised name is one of these.
    pub(super) fn named(&self, keys: &[&str]) -> Vec<usize> {
        self.places(|key| keys.contains(&key))
    }

    /// The columns whose normalised name starts so.
    pub(super) fn starting(&self, prefix: &str) -> Vec<usize> {
        self.places(|key| key.starts_with(prefix))
    }

    /// How many of these normalised names the header has.
    pub(super) fn count(&self, keys: &[&str]) -> usize {
        keys.iter().filter(|key| self.keys.iter().any(|have| have == *key)).count()
    }

    fn places(&self, fits: impl Fn(&str) -> bool) -> Vec<usize> {
        self.keys.iter().enumerate().filter(|(_, key)| fits(key)).map(|(place, _)| place).collect()
    }
}

/// Gives out column names of which no two are the same.
#[derive(Debug)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Starts with names that are taken.
    pub(super) fn taken<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }

    /// The name itself while it is free, else with a number behind it. A blank one is called by its place.
    pub(super) fn give(&mut self, name: &str, place: usize) -> String {
        let name = if name.is_empty() { format!("Column {}", place + 1) } else { name.to_owned() };
        let mut free = name.clone();
        let mut number = 2;
        while !self.0.insert(free.clone()) {
            free = format!("{name} ({number})");
            number += 1;
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        assert_eq!(normalise("Sales Price (Marketplace Currency)"), "salespricemarketplacecurrency");
        assert_eq!(normalise(" Country/Region Code "), "countryregioncode");
        assert_eq!(normalise("ÉTAT 1"), "état1");
    }

    #[test]
    fn personal_columns() {
        for name in [
            "App User ID",
            "City of Buyer",
            "STATE OF BUYER",
            "Postal Code of Buyer",
            "Postcode",
            "Buyer State",
        ] {
            assert!(personal(name), "{name}");
        }
        for name in
            ["Country/Region Code", "In-App Subscription Status", "Device Type", "Capacity", "Statement"]
        {
            assert!(!personal(name), "{name}");
        }
    }

    #[test]
    fn blank_cells_at_the_end_are_no_columns() {
        let header = Header::new(["Units", "", " Title ", " ", ""]);
        assert_eq!(header.names, ["Units", "", "Title"]);
        assert_eq!(header.named(&["title"]), [2]);
        assert_eq!(header.starting("uni"), [0]);
        assert_eq!(header.count(&["units", "title", "sku"]), 2);
    }

    #[test]
    fn names_are_given_once() {
        let mut names = Names::taken(["title"]);
        assert_eq!(names.give("title", 0), "title (2)");
        assert_eq!(names.give("Title", 1), "Title");
        assert_eq!(names.give("Title", 2), "Title (2)");
        assert_eq!(names.give("", 3), "Column 4");
        assert_eq!(names.give("title", 4), "title (3)");
    }
}
