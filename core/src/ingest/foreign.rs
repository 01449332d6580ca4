//! Reports that the stores give out, too, and that Tillroll does not read: known by columns that no report it reads has,
//! so that a wrong file is called by its name.

use super::header::Header;

/// What Apple's finance reports are called.
pub(super) const APPLE_FINANCE: &str = "an Apple finance report";

/// Normalised names of which a report of that name has at least so many.
pub(super) const SIGNATURES: &[(&str, usize, &[&str])] = &[
    (
        APPLE_FINANCE,
        2,
        &[
            "partnershare",
            "extendedpartnershare",
            "partnersharecurrency",
            "salesorreturn",
            "saleorreturn",
            "settlementdate",
        ],
    ),
    (
        "an Apple subscriber report",
        3,
        &["subscriberid", "subscriberidreset", "subscriptionappleid", "subscriptiongroupid", "purchasedate"],
    ),
    (
        "an Apple subscription event report",
        4,
        &[
            "event",
            "eventdate",
            "subscriptionappleid",
            "originalstartdate",
            "consecutivepaidperiods",
            "previoussubscriptionappleid",
            "daysbeforecanceling",
            "cancellationreason",
        ],
    ),
    (
        "an Apple subscription report",
        3,
        &[
            "subscriptionname",
            "subscriptionappleid",
            "subscriptiongroupid",
            "standardsubscriptionduration",
            "activestandardpricesubscriptions",
            "activefreetrialintroductoryoffersubscriptions",
            "billingretry",
        ],
    ),
    (
        "an Apple pre-order report",
        3,
        &[
            "preorderstartdate",
            "preorderenddate",
            "ordered",
            "canceled",
            "cumulativeordered",
            "cumulativecanceled",
        ],
    ),
    ("an Apple offer code report", 2, &["offerreferencename", "offercode", "offercodetype", "redemptions"]),
    (
        "an Apple analytics report",
        2,
        &["appappleidentifier", "platformversion", "sourcetype", "sourceinfo", "uniquedevices", "pagetype"],
    ),
    (
        "an Amazon earnings report",
        2,
        &[
            "invoicedate",
            "payment",
            "paymentamount",
            "paymentcurrency",
            "paymentdate",
            "paymentid",
            "paymentstatus",
            "grossearnings",
            "netearnings",
            "taxwithheld",
            "taxeswithheld",
            "withholdingtax",
            "payeecurrency",
            "exchangerate",
        ],
    ),
    (
        "an Amazon subscription report",
        2,
        &[
            "activesubscriptions",
            "activesubscribers",
            "startedsubscriptions",
            "endedsubscriptions",
            "subscriptionsstarted",
            "subscriptionsended",
            "newsubscriptions",
            "cancelledsubscriptions",
        ],
    ),
    (
        "a Google Play statistics report",
        3,
        &[
            "date",
            "packagename",
            "activedeviceinstalls",
            "activedevices",
            "dailyanrs",
            "dailyaveragerating",
            "dailycrashes",
            "dailydeviceinstalls",
            "dailydeviceuninstalls",
            "dailyuserinstalls",
            "installevents",
            "installers",
            "storelistingacquisitions",
            "storelistingconversionrate",
            "storelistingvisitors",
            "totalaveragerating",
            "totaluserinstalls",
        ],
    ),
    (
        "a Google Play report of reviews",
        4,
        &[
            "packagename",
            "appversioncode",
            "reviewerlanguage",
            "reviewsubmitdateandtime",
            "reviewlastupdatedateandtime",
            "starrating",
            "reviewtext",
            "developerreplytext",
            "reviewlink",
        ],
    ),
    (
        "a Google Play report of subscriptions",
        3,
        &[
            "productid",
            "newsubscriptions",
            "cancelledsubscriptions",
            "canceledsubscriptions",
            "activesubscriptions",
            "cancellationreason",
        ],
    ),
];

/// Apple's newer finance reports have their vendor's name, start and end above the header line, each on a line.
pub(super) fn is_newer_finance(header: &Header) -> bool {
    header.len() <= 2 && header.count(&["vendorname"]) == 1
}

#[cfg(test)]
mod tests {
    use super::super::sniff::{Looks, read_head};

    /// The header lines as the stores' own descriptions have them, in part.
    #[test]
    fn other_reports_are_called_by_name() {
        for (name, header) in [
            (
                "an Apple finance report",
                "Start Date\tEnd Date\tUPC\tISRC/ISBN\tVendor Identifier\tQuantity\tPartner Share\tExtended Partner Share",
            ),
            (
                "an Apple finance report",
                "Transaction Date\tSettlement Date\tApple Identifier\tSKU\tTitle\tProduct Type Identifier\tCountry of Sale\t\
                 Quantity\tPartner Share\tPartner Share Currency\tCustomer Price\tCustomer Currency\tSale or Return",
            ),
            ("an Apple finance report", "Vendor Name\tSome Company"),
            (
                "an Apple subscriber report",
                "Event Date\tApp Name\tApp Apple ID\tSubscription Name\tSubscription Apple ID\tSubscription Group ID\t\
                 Customer Price\tCustomer Currency\tDeveloper Proceeds\tProceeds Currency\tSubscriber ID\t\
                 Subscriber ID Reset\tRefund\tPurchase Date\tUnits",
            ),
            (
                "an Apple subscription event report",
                "Event Date\tEvent\tApp Name\tApp Apple ID\tSubscription Name\tSubscription Apple ID\t\
                 Subscription Group ID\tConsecutive Paid Periods\tOriginal Start Date\tDevice\tQuantity",
            ),
            (
                "an Apple subscription report",
                "App Name\tApp Apple ID\tSubscription Name\tSubscription Apple ID\tSubscription Group ID\t\
                 Standard Subscription Duration\tCustomer Price\tCustomer Currency\tDeveloper Proceeds",
            ),
            (
                "an Apple pre-order report",
                "Provider\tProvider Country\tTitle\tSKU\tDeveloper\tPre-Order Start Date\tPre-Order End Date\tOrdered\t\
                 Canceled\tCumulative Ordered\tCumulative Canceled\tStart Date\tEnd Date\tCountry Code\tApple Identifier",
            ),
            (
                "an Amazon earnings report",
                "Invoice ID,Invoice Date,Marketplace,Marketplace Currency,Gross Earnings,Payment Status,Payment Date",
            ),
        ] {
            let looks = read_head(format!("{header}\n").as_bytes()).unwrap().looks;
            assert_eq!(looks, Looks::Foreign(name), "{header}");
        }
    }
}
