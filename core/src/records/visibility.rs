//! Visibilities: in which versions of the store a record is seen, a sub-resource.
//!
//! Decided where the store's own API is silent: a row names its version and says whether the record is visible, both;
//! a version stands once; a version that no row names has no rule; at most 1,000 rows stand in one record.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Context;
use super::expansion::Expansion;
use super::input::Input;

/// The name of the sub-resource.
pub(super) const VISIBILITIES: &str = "visibilities";
/// It is short enough to be shown wherever a record is read alone.
pub(super) const EXPANSION: Expansion = Expansion::inline(VISIBILITIES);

/// The most rows of one record.
const ROWS_MAX: usize = 1000;

/// Whether a record is seen in one version of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Visibility {
    /// The version, from 1 on.
    pub version_id: u64,
    /// Whether the record is seen there.
    pub is_visible: bool,
}

impl Visibility {
    /// A row.
    pub fn new(version_id: u64, is_visible: bool) -> Self {
        Self { version_id, is_visible }
    }

    fn read(row: &mut Input<'_>, seen: &mut BTreeSet<u64>) -> Self {
        let (mut version_id, mut is_visible) = (0, None);
        row.required_id("version_id", &mut version_id);
        if version_id > 0 && !seen.insert(version_id) {
            row.fault("version_id", "stands twice");
        }
        match row.value("is_visible") {
            None | Some(Value::Null) => row.fault("is_visible", "is required"),
            Some(_) => row.optional_boolean("is_visible", &mut is_visible),
        }
        Self { version_id, is_visible: is_visible == Some(true) }
    }

    fn to_json(self) -> Value {
        json!({"version_id": self.version_id, "is_visible": self.is_visible})
    }
}

/// In which versions a record is seen, in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visibilities(Vec<Visibility>);

impl Visibilities {
    /// All rows.
    pub fn iter(&self) -> std::slice::Iter<'_, Visibility> {
        self.0.iter()
    }

    /// Takes all of them anew where the input names them.
    pub(super) fn apply(&mut self, input: &mut Input<'_>) {
        if let Some(rows) = Self::read(input, VISIBILITIES) {
            *self = rows;
        }
    }

    /// The rows of a field or an argument; `None` where it was not given.
    pub(super) fn read(input: &mut Input<'_>, name: &'static str) -> Option<Self> {
        let mut seen = BTreeSet::new();
        input.few_rows(name, ROWS_MAX, |row| Visibility::read(row, &mut seen)).map(Self)
    }

    /// Changes the versions that the rows name and adds those that are new.
    pub(super) fn merge(&mut self, rows: &[Visibility]) {
        for row in rows {
            match self.0.iter_mut().find(|old| old.version_id == row.version_id) {
                Some(old) => *old = *row,
                None => self.0.push(*row),
            }
        }
    }

    /// A list of objects.
    pub fn to_json(&self) -> Value {
        self.0.iter().map(|row| row.to_json()).collect()
    }

    /// Shows them where the caller wants them.
    pub(super) fn show(&self, record: &mut Map<String, Value>, context: &Context<'_>) {
        if context.expands(VISIBILITIES) {
            record.insert(VISIBILITIES.to_owned(), self.to_json());
        }
    }
}

impl<'a> IntoIterator for &'a Visibilities {
    type Item = &'a Visibility;
    type IntoIter = std::slice::Iter<'a, Visibility>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::input::Purpose;

    fn read(rows: &Value) -> (Visibilities, Vec<String>) {
        let fields = json!({ "visibilities": rows });
        let mut input = Input::new(fields.as_object().unwrap(), Purpose::Create);
        let mut visibilities = Visibilities::default();
        visibilities.apply(&mut input);
        let faults = input.finish().faults;
        (visibilities, faults.iter().map(|(name, all)| format!("{name} {}", all.join("; "))).collect())
    }

    #[test]
    fn rows_are_kept_in_order_and_merged_by_version() {
        let rows = json!([{"version_id": 4, "is_visible": false}, {"version_id": "3", "is_visible": true}]);
        let (mut read, faults) = read(&rows);
        assert_eq!(faults, Vec::<String>::new());
        let shown = json!([{"version_id": 4, "is_visible": false}, {"version_id": 3, "is_visible": true}]);
        assert_eq!(read.to_json(), shown);
        read.merge(&[Visibility::new(3, false), Visibility::new(1, true)]);
        let merged: Vec<_> = read.iter().map(|row| (row.version_id, row.is_visible)).collect();
        assert_eq!(merged, [(4, false), (3, false), (1, true)]);
    }

    #[test]
    fn faults_name_their_place() {
        let rows = json!([
            {"version_id": 0, "is_visible": true},
            {"version_id": 1, "is_visible": null},
            {"version_id": 1, "is_visible": "perhaps"},
            {"is_visible": true, "colour": 1},
        ]);
        let expected = [
            "visibilities[0].version_id must be an id: a whole number from 1 on",
            "visibilities[1].is_visible is required",
            "visibilities[2].is_visible must be true or false",
            "visibilities[2].version_id stands twice",
            "visibilities[3].colour is not a field of this record",
            "visibilities[3].version_id is required",
        ];
        assert_eq!(read(&rows).1, expected);
        let many: Value = (1..=1001).map(|n| json!({"version_id": n, "is_visible": true})).collect();
        assert_eq!(read(&many).1, ["visibilities has more than 1000 entries"]);
    }
}
