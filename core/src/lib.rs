//! Tillroll: an embedded store for what an app or game publisher sells.
//!
//! It holds the accounts at the stores and every row of the reports of sales and earnings that the stores give out, in
//! one directory on disk. It imports gzip reports in seconds, never counts a report twice, never adds currencies, never
//! drops a row silently, and answers in milliseconds.
//!
//! It is not a server, not a general table store and not an analytics language: the questions are those that people
//! ask of sales. One process writes at a time; any number of its threads may use the database.
//!
//! ```
//! use tillroll_core::{By, Db, ImportOptions, Measure, NewExternalAccount, Query, StoreKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = std::env::temp_dir().join(format!("tillroll-crate-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # let report = dir.join("sales_2018_03.csv");
//! # std::fs::write(&report, "Marketplace,Transaction Time,Transaction Type,Vendor SKU,Units,Marketplace Currency,\
//! # Sales Price (Marketplace Currency),Estimated Earnings (Marketplace Currency)\n\
//! # Amazon.de,2018-03-05 12:00:00,Charge,app,1,EUR,1.99,1.39\n")?;
//! # let report = report.to_str().unwrap();
//! # let shop = dir.join("shop.till");
//! let db = Db::open(shop)?;
//! let amazon = db.external_accounts().create(NewExternalAccount::new("Amazon apps", StoreKind::Amazon))?;
//! let done = db.sales().import(&[report], amazon.id, &ImportOptions::default())?;
//! assert_eq!((done.files, done.rows), (1, 1));
//!
//! let by_month = Query::new().by([By::Month, By::Currency]).measures([Measure::Units, Measure::Earnings]);
//! println!("{}", db.sales().report(&by_month)?);
//! # drop(db);
//! # std::fs::remove_dir_all(dir)?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod column;
mod day;
mod db;
mod error;
mod file;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod ingest;
mod journal;
#[cfg(feature = "kernels")]
#[doc(hidden)]
pub mod kernels;
mod kv;
mod money;
mod process;
mod records;
mod roll;
mod sales;
mod scope;
mod store;
mod vault;

pub use day::{Day, Period, PeriodUnit};
pub use db::{
    CheckReport, Db, OpenOptions, PlannedFetch, RepairReport, SyncOptions, check, repair, repair_with,
    restore,
};
pub use error::{Error, ErrorKind, FieldErrors, Result};
pub use file::{Disk, DiskFile, OsDisk};
pub use ingest::{Kind, StoreKind, sniff};
pub use money::{AmountFault, MICROS, Money};
pub use process::Process;
pub use records::{
    Account, AccountFields, AnyCollection, AppStore, Banner, BannerFields, BannerGroup, BannerGroupFields,
    Brand, BrandFields, Campaign, CampaignConditions, CampaignCustomers, CampaignDiscounts, CampaignFields,
    CampaignPage, CampaignPrice, CampaignTime, Category, CategoryFields, CategoryProduct, Clock, Collection,
    Credentials, Customer, CustomerAddress, CustomerAddressFields, CustomerFields, CustomerGroup,
    CustomerGroupFields, CustomerLink, Datum, DatumKind, Discount, EinvoiceAddress, ExternalAccount,
    ExternalAccountUpdate, ExternalId, Fields, GiftCard, GiftCardFields, ListQuery, Meta, Moment,
    NewExternalAccount, Ownership, PAGE_SIZE_MAX, Page, Price, PriceKey, PriceRow, Product, ProductDiscounts,
    ProductFields, ProductLink, ProductSearch, Record, RecordId, Source, StoreCategory, StoreInfo,
    Subscriber, SubscriberFields, Translation, Translations, Visibilities, Visibility,
};
pub use sales::{
    By, Dimension, Import, ImportError, ImportOptions, ImportProgress, ImportSummary, ImportVersion,
    MONEY_SCALE, Measure, OnReject, Order, PeriodState, ProgressFn, Query, ReportFile, Sale, Sales, Scan,
    SyncReason, Table, Value,
};
pub use scope::Scope;
