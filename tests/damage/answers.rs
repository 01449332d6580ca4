//! All that can be asked of a database, as lines of text.

use serde_json::{Value as Json, json};
use tillroll_core::{Db, Error, Kind, Query};

/// Every collection.
pub const COLLECTIONS: [&str; 12] = [
    "external_accounts",
    "accounts",
    "customers",
    "customer_groups",
    "subscribers",
    "gift_cards",
    "products",
    "brands",
    "categories",
    "campaigns",
    "banner_groups",
    "banners",
];
const REPORTS: [&str; 3] = [
    r#"{"by": ["month", "currency", "type"], "measures": ["rows", "units", "sales", "earnings"]}"#,
    r#"{"by": ["country", "sku", "currency"], "measures": ["units", "earnings"]}"#,
    r#"{"by": ["day", "product"], "measures": ["all_units"], "include_inapps": true}"#,
];

/// What one must know of a database to ask for it.
pub struct Knows {
    pub account: u64,
    pub ids: Vec<String>,
}

impl Knows {
    /// Each question with its answer.
    pub fn ask_all(&self, db: &Db) -> Vec<(&'static str, Result<String, Error>)> {
        let mut answers = Vec::new();
        for text in REPORTS {
            answers.push(("report", report(db, text)));
        }
        answers.push(("scan", scan(db)));
        answers.push(("lookup", db.sales().get_many(&self.ids).map(|table| table.to_string())));
        for id in self.ids.iter().step_by(20) {
            answers.push(("sale", db.sales().get(id).map(|sales| format!("{sales:?}"))));
        }
        answers.push(("imports", db.sales().imports(None).map(|imports| format!("{imports:?}"))));
        answers.push(("rejects", db.sales().rejects(None).map(|table| table.to_string())));
        answers.push(("rows", db.sales().len().map(|rows| rows.to_string())));
        answers.push(("columns", db.sales().columns().map(|columns| columns.join(","))));
        let state = db.sales().period_state(self.account, Kind::AmazonSales, "2018-01");
        answers.push(("period", state.map(|state| format!("{state:?}"))));
        for collection in COLLECTIONS {
            answers.push((collection, records(db, collection)));
        }
        answers.push(("search", search(db)));
        answers
    }
}

fn report(db: &Db, text: &str) -> Result<String, Error> {
    let query = Query::from_json(&serde_json::from_str(text).unwrap())?;
    Ok(db.sales().report(&query)?.to_string())
}

fn search(db: &Db) -> Result<String, Error> {
    Ok(db.records("products")?.call("search", &json!({"term": "a"}))?.to_string())
}

fn scan(db: &Db) -> Result<String, Error> {
    let batches: Vec<_> = db.sales().scan(&Query::new())?.collect::<Result<_, _>>()?;
    Ok(format!("{batches:?}"))
}

/// By id, by a field that has an index where there is one, and singly.
fn records(db: &Db, collection: &str) -> Result<String, Error> {
    let records = db.records(collection)?;
    let all = records.list(&json!({"page_size": 100}))?;
    let again = records.list(&json!({"sort": "id-desc", "created_at_from": "2000-01-01"}))?;
    let mut text = format!("{} {:?} {:?}", records.len()?, all.data, again.data);
    for record in &all.data {
        let id = match &record["id"] {
            Json::String(id) => id.clone(),
            id => id.to_string(),
        };
        text += &records.get(&id)?.to_string();
    }
    Ok(text)
}
