//! Translations: the texts of a record in other languages, a sub-resource.
//!
//! Decided where the store's own API is silent: a language is any short text and stands once, in whichever case; at most
//! 1,000 stand in one record. A text that is null is not given. Nothing mixes: the texts of the record itself are those
//! of the store's own language, and a translation into that language stands beside them and changes none of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Context;
use super::expansion::Expansion;
use super::input::Input;

/// The name of the sub-resource.
pub(super) const TRANSLATIONS: &str = "translations";
/// It is short enough to be shown wherever a record is read alone.
pub(super) const EXPANSION: Expansion = Expansion::inline(TRANSLATIONS);

/// The most characters of a language's name.
const LANGUAGE_MAX: usize = 35;
/// The most languages of one record.
const LANGUAGES_MAX: usize = 1000;

/// A field that can be translated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Translatable {
    name: &'static str,
    long: bool,
}

impl Translatable {
    /// A text of at most 255 characters in one line.
    pub(super) const fn short(name: &'static str) -> Self {
        Self { name, long: false }
    }

    /// A long text.
    pub(super) const fn long(name: &'static str) -> Self {
        Self { name, long: true }
    }
}

/// The texts of a record in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Translation {
    /// The language, as it was given.
    pub language: String,
    /// The texts by field; only those that were given.
    pub texts: Vec<(String, String)>,
}

/// The texts of a record in other languages, in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translations(Vec<Translation>);

impl Translations {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Translation> {
        self.0.iter()
    }

    /// A field's text in a language, in whichever case that is written.
    pub fn text(&self, language: &str, field: &str) -> Option<&str> {
        let wanted = language.to_lowercase();
        self.0.iter().find(|one| one.language.to_lowercase() == wanted)?.text(field)
    }

    /// Whether any language has a text for the field, and not a blank one.
    pub fn any_has(&self, field: &str) -> bool {
        self.0.iter().any(|one| one.text(field).is_some_and(|text| !text.trim().is_empty()))
    }

    /// Takes all of them anew where the input names them.
    pub(super) fn apply(&mut self, input: &mut Input<'_>, fields: &[Translatable]) {
        let mut seen = BTreeSet::new();
        let read = |row: &mut Input<'_>| Translation::read(row, fields, &mut seen);
        if let Some(rows) = input.few_rows(TRANSLATIONS, LANGUAGES_MAX, read) {
            self.0 = rows;
        }
    }

    /// A text that must stand in the record itself or in a translation.
    pub(super) fn require(&self, field: &'static str, own: Option<&str>, input: &mut Input<'_>) {
        let given = own.is_some_and(|text| !text.trim().is_empty()) || self.any_has(field);
        if !given && !input.is_faulty(field) {
            input.fault(field, "is required, here or in a translation");
        }
    }

    /// A list of objects that have only the fields that were given.
    pub fn to_json(&self) -> Value {
        self.0.iter().map(Translation::to_json).collect()
    }

    /// Shows them where the caller wants them.
    pub(super) fn show(&self, record: &mut Map<String, Value>, context: &Context<'_>) {
        if context.expands(TRANSLATIONS) {
            record.insert(TRANSLATIONS.to_owned(), self.to_json());
        }
    }
}

impl<'a> IntoIterator for &'a Translations {
    type Item = &'a Translation;
    type IntoIter = std::slice::Iter<'a, Translation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Translation {
    /// The text of a field.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.texts.iter().find(|(name, _)| name == field).map(|(_, text)| text.as_str())
    }

    fn read(row: &mut Input<'_>, fields: &[Translatable], seen: &mut BTreeSet<String>) -> Self {
        const LANGUAGE: &str = "language";
        let (mut language, mut texts) = (String::new(), Vec::new());
        row.required_text(LANGUAGE, &mut language);
        if language.chars().nth(LANGUAGE_MAX).is_some() {
            row.fault(LANGUAGE, format!("is longer than {LANGUAGE_MAX} characters"));
        } else if !language.is_empty() && !seen.insert(language.to_lowercase()) {
            row.fault(LANGUAGE, "stands twice");
        }
        for &Translatable { name, long } in fields {
            let mut text = None;
            if long {
                row.long_text(name, &mut text);
            } else {
                row.optional_text(name, &mut text);
            }
            texts.extend(text.map(|text| (name.to_owned(), text)));
        }
        Self { language, texts }
    }

    fn to_json(&self) -> Value {
        let language = ("language".to_owned(), Value::from(self.language.as_str()));
        let texts = self.texts.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
        Value::Object(std::iter::once(language).chain(texts).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FieldErrors;
    use crate::records::input::Purpose;

    const FIELDS: &[Translatable] = &[Translatable::short("title"), Translatable::long("content")];

    fn read(rows: &Value) -> (Translations, FieldErrors) {
        let fields = json!({ "translations": rows });
        let mut input = Input::new(fields.as_object().unwrap(), Purpose::Create);
        let mut translations = Translations(vec![Translation { language: "old".into(), texts: vec![] }]);
        translations.apply(&mut input, FIELDS);
        (translations, input.finish().faults)
    }

    #[test]
    fn order_and_absent_texts_are_kept() {
        let rows = json!([
            {"language": "fi", "title": "Otsikko", "content": "<p>\n</p>"},
            {"language": "EN", "content": ""},
            {"language": "sv", "title": null},
        ]);
        let (read, faults) = read(&rows);
        assert!(faults.is_empty(), "{faults:?}");
        let shown = json!([rows[0], rows[1], {"language": "sv"}]);
        assert_eq!(read.to_json().to_string(), shown.to_string());
        assert_eq!(read.text("en", "content"), Some(""));
        assert_eq!(read.text("de", "content"), None);
        assert_eq!((read.any_has("title"), read.any_has("content")), (true, true));
        let languages: Vec<_> = read.iter().map(|one| one.language.as_str()).collect();
        assert_eq!(languages, ["fi", "EN", "sv"]);
    }

    #[test]
    fn a_blank_text_is_no_text() {
        let (read, _) = read(&json!([{"language": "fi", "title": " "}, {"language": "en"}]));
        assert!(!read.any_has("title"));
    }

    #[test]
    fn faults_name_their_place() {
        let rows = json!([
            {"language": "fi", "name": "a"},
            {"language": "FI", "title": "t".repeat(256)},
            {"title": "a\nb"},
            {"language": "l".repeat(36), "content": 7},
            "fi",
        ]);
        let (_, faults) = read(&rows);
        let faults: Vec<_> = faults.iter().map(|(name, all)| format!("{name} {}", all.join("; "))).collect();
        let expected = [
            "translations[0].name is not a field of this record",
            "translations[1].language stands twice",
            "translations[1].title is longer than 255 characters",
            "translations[2].language is required",
            "translations[2].title must not contain control characters",
            "translations[3].content must be text",
            "translations[3].language is longer than 35 characters",
            "translations[4] must be an object",
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn there_are_not_thousands_of_languages() {
        let rows = |count: usize| (0..count).map(|n| json!({"language": n.to_string()})).collect();
        assert_eq!(read(&rows(1000)).1, FieldErrors::new());
        let (kept, faults) = read(&rows(10_000));
        assert_eq!(faults["translations"], ["has more than 1000 entries"]);
        assert_eq!((faults.len(), kept.iter().count()), (1, 1));
        assert_eq!(read(&Value::Null), (Translations::default(), FieldErrors::new()));
    }
}
