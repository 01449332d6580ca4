//! What there is to fetch from the stores: a plan, which touches no network.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::Db;
use crate::day::{Day, Period};
use crate::error::{Error, Result};
use crate::ingest::{Kind, StoreKind};
use crate::records::ExternalAccount;
use crate::sales::{SyncReason, edge, instant};

/// One report to fetch from its store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedFetch {
    /// The external account.
    pub account: u64,
    /// Its store.
    pub store: StoreKind,
    /// The kind of report.
    pub kind: Kind,
    /// What the report covers.
    pub period: Period,
    /// Why it is to be fetched.
    pub reason: SyncReason,
    /// Whether all of its days are over: where the store then has nothing, nothing was sold.
    pub is_over: bool,
}

impl PlannedFetch {
    /// The last day that the report covers; App Store Connect calls a week by it.
    pub fn last_day(&self) -> Day {
        Day(self.period.days().end.saturating_sub(1))
    }

    /// As the faces show it.
    pub fn to_json(&self) -> Json {
        json!({
            "account": self.account,
            "store": self.store.as_str(),
            "kind": self.kind.as_str(),
            "period": self.period.to_string(),
            "first_day": self.period.first().to_string(),
            "last_day": self.last_day().to_string(),
            "reason": self.reason.as_str(),
            "is_over": self.is_over,
        })
    }
}

/// What narrows a plan.
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    now: Option<Timestamp>,
    since: Option<Day>,
    accounts: Option<Vec<u64>>,
}

impl SyncOptions {
    /// All accounts that import by themselves, as of now, as far back as their stores give days and months.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `now`, `since` and `accounts`, as Python and C give them.
    ///
    /// # Errors
    /// [`crate::Error::Validation`] with what is wrong.
    pub fn from_json(json: &Json) -> Result<Self> {
        let Json::Object(arguments) = json else {
            return Err(Error::invalid("options", "is not a JSON object"));
        };
        let mut options = Self::new();
        for (name, value) in arguments.iter().filter(|(_, value)| !value.is_null()) {
            let text = || value.as_str().ok_or_else(|| Error::invalid(name, "must be text"));
            options = match name.as_str() {
                "now" => options.now(instant(name, text()?)?),
                "since" => options.since(edge(name, text()?)?),
                "accounts" => options.accounts(ids(name, value)?),
                _ => return Err(Error::invalid(name, "is none of now, since, accounts")),
            };
        }
        Ok(options)
    }

    /// The time that the plan is made for, instead of the database's clock.
    #[must_use]
    pub fn now(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
        self
    }

    /// Nothing that ends before this day. Of Apple, a day that is longer ago than what it has by the day also asks for
    /// months and years.
    #[must_use]
    pub fn since(mut self, since: Day) -> Self {
        self.since = Some(since);
        self
    }

    /// Only these accounts.
    #[must_use]
    pub fn accounts(mut self, accounts: impl IntoIterator<Item = u64>) -> Self {
        let mut accounts: Vec<u64> = accounts.into_iter().collect();
        accounts.sort_unstable();
        accounts.dedup();
        self.accounts = Some(accounts);
        self
    }
}

fn ids(name: &str, value: &Json) -> Result<Vec<u64>> {
    let ids = value.as_array().map(|ids| ids.iter().map(Json::as_u64).collect::<Option<Vec<u64>>>());
    ids.flatten().ok_or_else(|| Error::invalid(name, "must be a list of ids"))
}

impl Db {
    /// What to fetch from the stores, by account and period: of every external account with `auto_import` and
    /// credentials, each report that its store can give and that is absent, or that was fetched while the store could
    /// still change it. What follows from it is the caller's: nothing is asked of any store here, and nothing changed.
    ///
    /// Of Amazon these are the months from January 2018 on; of Apple the days of the last year, and weeks and months that
    /// are stored or stand in for days that Apple no longer gives. `docs/sync.md` has the rules.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] for an account that is named and not there; [`crate::Error::Access`] on a handle that may
    /// not read accounts and sales.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::{Credentials, ExternalAccountUpdate, SyncOptions};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// db.external_accounts().update(account, ExternalAccountUpdate::new().auto_import(true))?;
    /// db.external_accounts().set_credentials(account, Some(&Credentials::amazon("amzn1.app", "s3cret")))?;
    ///
    /// // March is stored; the plan is as of the second of June.
    /// let options = SyncOptions::new().since("2018-03-01".parse()?).now("2018-06-02T03:00:00Z".parse()?);
    /// let periods: Vec<String> = db.sync_plan(&options)?.iter().map(|fetch| fetch.period.to_string()).collect();
    /// assert!(periods.contains(&"2018-04".to_owned()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sync_plan(&self, options: &SyncOptions) -> Result<Vec<PlannedFetch>> {
        let now = options.now.unwrap_or_else(|| self.inner.records.now());
        let accounts = self.external_accounts();
        let named: Vec<ExternalAccount> = match &options.accounts {
            Some(ids) => ids.iter().map(|id| accounts.get(*id)).collect::<Result<_>>()?,
            None => accounts.iter().collect::<Result<_>>()?,
        };
        let mut plan = Vec::new();
        for account in named {
            if account.auto_import && accounts.has_credentials(account.id)? {
                plan.extend(self.plan_of(&account, now, options.since)?);
            }
        }
        Ok(plan)
    }

    fn plan_of(
        &self,
        account: &ExternalAccount,
        now: Timestamp,
        since: Option<Day>,
    ) -> Result<Vec<PlannedFetch>> {
        let kind = match account.store {
            StoreKind::Amazon => Kind::AmazonSales,
            StoreKind::Apple => Kind::AppleSales,
            StoreKind::GooglePlay => return Ok(Vec::new()),
        };
        let over = |period: Period| i64::from(period.days().end) * 86_400 <= now.as_second();
        let planned = |(period, reason)| PlannedFetch {
            account: account.id,
            store: account.store,
            kind,
            period,
            reason,
            is_over: over(period),
        };
        Ok(self.sales().dues(account.id, kind, now, since)?.into_iter().map(planned).collect())
    }
}
