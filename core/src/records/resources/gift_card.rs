//! Gift cards, named by their code.
//!
//! Decided where the store's own API is silent: a code is any text, its case counts, and an update may change it to one
//! that no other card has; a code that is missing or null at creation is drawn by the engine. The day of `expires_at`
//! begins at 0:00 UTC, and must do so in the future when it is set: a card that has expired can still be changed. A card
//! without `expires_at` does not expire. The balance is not below zero, null where none is given, and the engine never
//! changes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Result;
use crate::day::Day;
use crate::money::Money;
use crate::records::clock::micros;
use crate::records::dynamic::object;
use crate::records::index::{Field, Index};
use crate::records::input::{Input, exact_number};
use crate::records::uuid::random;
use crate::records::{Context, Datum, DatumKind, Record, Times, stored};
use crate::store::Read;

/// A gift card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GiftCard {
    /// What its holder types in; it names the card.
    pub code: String,
    /// The day at whose beginning in UTC it expires; none for a card that does not.
    pub expires_at: Option<Day>,
    /// For the seller's own eyes.
    pub notes: Option<String>,
    /// What is left on it, in euros.
    pub balance: Option<Money>,
    /// When it was made.
    #[serde(with = "micros")]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(with = "micros")]
    pub updated_at: Timestamp,
}

const CODE: &str = "code";
const EXPIRES_AT: &str = "expires_at";
const BALANCE: &str = "balance";

impl Record for GiftCard {
    type Id = String;

    const COLLECTION: &'static str = "gift_cards";
    const NOUN: &'static str = "gift card";
    const ID_FIELD: &'static str = CODE;
    const TAG: u8 = 6;
    const FIELDS: &'static [Field<Self>] = &[
        Field { name: CODE, kind: DatumKind::Text, value: |card| Datum::Text(card.code.clone()) },
        Field {
            name: EXPIRES_AT,
            kind: DatumKind::Time,
            value: |card| Datum::int(card.expires_at.map(begin)),
        },
    ];
    const INDEXES: &'static [Index] = &[Index::plain(2, &[CODE]), Index::plain(3, &[EXPIRES_AT])];

    fn blank() -> Self {
        Self {
            code: String::new(),
            expires_at: None,
            notes: None,
            balance: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn id(&self) -> String {
        self.code.clone()
    }

    fn times(&self) -> Times {
        Times { created_at: self.created_at, updated_at: self.updated_at }
    }

    fn stamp(&mut self, code: String, Times { created_at, updated_at }: Times) {
        *self = Self { code, created_at, updated_at, ..self.clone() };
    }

    fn assign_id(&self, _next: &mut dyn FnMut() -> Result<u64>) -> Result<String> {
        Ok(self.code.clone())
    }

    fn apply(&mut self, input: &mut Input<'_>, context: &Context<'_>) -> Result<()> {
        self.apply_expiry(input, context);
        input.long_text("notes", &mut self.notes);
        input.money(BALANCE, &mut self.balance);
        if self.balance.is_some_and(|balance| balance < Money::ZERO) {
            input.fault(BALANCE, "must not be below zero");
        }
        self.apply_code(input, context.read)
    }

    fn to_json(&self, _context: &Context<'_>) -> Result<Map<String, Value>> {
        Ok(object([
            ("created_at", self.created_at.to_string().into()),
            ("updated_at", self.updated_at.to_string().into()),
            (EXPIRES_AT, self.expires_at.map(|day| day.to_string()).into()),
            (CODE, self.code.as_str().into()),
            ("notes", self.notes.as_deref().into()),
            (BALANCE, self.balance.map_or(Value::Null, exact_number)),
        ]))
    }
}

impl GiftCard {
    fn apply_expiry(&mut self, input: &mut Input<'_>, context: &Context<'_>) {
        let before = self.expires_at;
        input.day(EXPIRES_AT, &mut self.expires_at);
        let Some(day) = self.expires_at.filter(|_| self.expires_at != before && !input.restoring()) else {
            return;
        };
        if begin(day) <= context.now().as_microsecond() {
            input.fault(EXPIRES_AT, "must be in the future; a day begins at 0:00 UTC");
        }
    }

    fn apply_code(&mut self, input: &mut Input<'_>, read: &dyn Read) -> Result<()> {
        let absent = input.value(CODE).is_none_or(Value::is_null);
        if !(absent && input.creating()) {
            input.required_text(CODE, &mut self.code);
            return Ok(());
        }
        let is_taken = |code: &String| Ok(read.get(&stored::record_key::<Self>(code))?.is_some());
        self.code = unused(&mut || draw(&mut random), is_taken)?;
        Ok(())
    }
}

/// The beginning of a day in UTC, as filters compare it.
fn begin(day: Day) -> i64 {
    const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
    i64::from(day.0) * DAY_MICROS
}

/// Draws until there is a code that no card has.
fn unused(
    draw: &mut dyn FnMut() -> Result<String>,
    is_taken: impl Fn(&String) -> Result<bool>,
) -> Result<String> {
    loop {
        let code = draw()?;
        if !is_taken(&code)? {
            return Ok(code);
        }
    }
}

/// A code of 16 characters, each as likely as any other: bytes beyond the last whole multiple of the alphabet are passed
/// over, since the rest of their division would favour its beginning.
fn draw(fill: &mut dyn FnMut(&mut [u8]) -> Result<()>) -> Result<String> {
    /// No 0 and 1, which look like letters.
    const ALPHABET: &[u8; 34] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ23456789";
    const LENGTH: usize = 16;
    const FAIR: usize = 256 / ALPHABET.len() * ALPHABET.len();
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut bytes = [0; LENGTH];
        fill(&mut bytes)?;
        let fair = bytes.into_iter().map(usize::from).filter(|&byte| byte < FAIR);
        let signs = fair.filter_map(|byte| ALPHABET.get(byte % ALPHABET.len()));
        code.extend(signs.map(|&sign| char::from(sign)).take(LENGTH - code.len()));
    }
    Ok(code)
}

#[cfg(test)]
#[path = "gift_card_test.rs"]
mod test;
