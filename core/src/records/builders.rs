//! What records are made of, field by field, for programs in Rust: the compiler knows the names and their types.
//!
//! One builder of a resource serves to create and to update: only what is set is written. The names are those of the
//! resource's JSON; the rules stay with the resource, which tells all faults at once.

use serde_json::Value;

use super::AppStore;
use super::input::Fields;
use crate::day::Day;
use crate::money::Money;

/// A method that sets one field, by the sort of its value.
macro_rules! setter {
    ($(#[$doc:meta])* $field:ident $name:literal text) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(self, $field: impl Into<String>) -> Self {
            let text: String = $field.into();
            self.with($name, text)
        }
    };
    ($(#[$doc:meta])* $field:ident $name:literal texts) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field<S: Into<String>>(self, $field: impl IntoIterator<Item = S>) -> Self {
            let texts: Vec<String> = $field.into_iter().map(Into::into).collect();
            self.with($name, texts)
        }
    };
    // Exact in JSON as text: money, days and the names of stores.
    ($(#[$doc:meta])* $field:ident $name:literal shown $kind:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(self, $field: $kind) -> Self {
            self.with($name, $field.to_string())
        }
    };
    ($(#[$doc:meta])* $field:ident $name:literal $kind:ty) => {
        $(#[$doc])*
        #[must_use]
        pub fn $field(self, $field: $kind) -> Self {
            self.with($name, $field)
        }
    };
}

/// A builder: its name, what is said of it, and its fields as a method, a name in JSON and the sort of the value.
macro_rules! builder {
    ($(#[$doc:meta])* $builder:ident { $($(#[$of:meta])* $field:ident $name:literal: [$($kind:tt)+];)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $builder(Fields);

        impl $builder {
            /// Nothing yet.
            pub fn new() -> Self {
                Self::default()
            }

            $(setter! { $(#[$of])* $field $name $($kind)+ })+

            /// Any field by its name: what lies deeper, texts in other languages, and null for what is to go.
            #[must_use]
            pub fn with(self, name: &str, value: impl Into<Value>) -> Self {
                Self(self.0.with(name, value))
            }
        }

        impl From<$builder> for Fields {
            fn from(fields: $builder) -> Self {
                fields.0
            }
        }
    };
}

builder! {
    /// A business account. `name` is required.
    AccountFields {
        /// The name.
        name "name": [text];
        /// The name in law.
        legal_name "legal_name": [text];
        /// The number in a register.
        registration_id "registration_id": [text];
        /// The id of the account above it.
        parent "parent": [text];
    }
}

builder! {
    /// A banner. Nothing is required.
    BannerFields {
        /// The banner group it belongs to.
        group_id "group_id": [u64];
        /// Its place among the banners of the group.
        sort "sort": [i64];
        /// Its own code.
        code "code": [text];
        /// Its title.
        title "title": [text];
        /// What it shows, as HTML.
        content "content": [text];
        /// When it becomes visible: `2018-03-05T12:00:00Z`.
        visible_from "visible_from": [text];
        /// When it is hidden.
        visible_to "visible_to": [text];
        /// The name of its image file.
        file "file": [text];
        /// Where it leads to.
        link "link": [text];
    }
}

builder! {
    /// A banner group. Nothing is required.
    BannerGroupFields {
        /// Its own code.
        code "code": [text];
        /// Its title.
        title "title": [text];
    }
}

builder! {
    /// A brand. `name` is required.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/shop.rs"));
    /// use tillroll_core::BrandFields;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let Shop { db, account, folder } = shop()?;
    /// let acme = db.brands().create(BrandFields::new().name("Acme").seo_title("All of Acme"))?;
    /// let texts = serde_json::json!([{"language": "fi", "seo_title": "Acmen kaikki"}]);
    /// let told = BrandFields::new().description("<p>Since 1920</p>").with("translations", texts);
    /// let acme = db.brands().update(acme.id, told)?;
    /// assert_eq!((acme.name.as_str(), acme.seo_title.as_deref()), ("Acme", Some("All of Acme")));
    /// # Ok(())
    /// # }
    /// ```
    BrandFields {
        /// Its name.
        name "name": [text];
        /// What is told of it, as HTML.
        description "description": [text];
        /// The title of its document.
        seo_title "seo_title": [text];
        /// The title on its page.
        seo_page_title "seo_page_title": [text];
        /// The description of its page for search engines.
        seo_meta_description "seo_meta_description": [text];
    }
}

builder! {
    /// A campaign. Nothing is required.
    CampaignFields {
        /// Whether it is on.
        published "published": [bool];
    }
}

builder! {
    /// A category. `name` is required, here or in a translation.
    CategoryFields {
        /// The category it lies in.
        parent_id "parent_id": [u64];
        /// Its place there.
        parent_sort "parent_sort": [i64];
        /// Its name.
        name "name": [text];
        /// What is told of it, as HTML.
        description "description": [text];
        /// `category-front`, `product-list` or `homepage`.
        default_template "default_template": [text];
        /// Its id in another system.
        external_id "external_id": [i64];
    }
}

builder! {
    /// A customer. Names, address, `email` and `login_allowed` are required.
    CustomerFields {
        /// The first name.
        first_name "first_name": [text];
        /// The last name.
        last_name "last_name": [text];
        /// Whether they may log in.
        login_allowed "login_allowed": [bool];
        /// The company.
        company "company": [text];
        /// Its VAT number.
        vat_code "vat_code": [text];
        /// Street and number.
        street_address "street_address": [text];
        /// The postal code.
        postal_code "postal_code": [text];
        /// The city.
        city "city": [text];
        /// The country, `FI`.
        country "country": [text];
        /// The telephone number.
        phone "phone": [text];
        /// The e-mail address.
        email "email": [text];
        /// The version of the store they came to.
        version_id "version_id": [u64];
        /// Their language, `fi`.
        language "language": [text];
        /// Whether they take news by e-mail.
        email_subscription "email_subscription": [bool];
        /// Whether they take news by text message.
        sms_subscription "sms_subscription": [bool];
        /// Their id in another system.
        external_id "external_id": [text];
        /// When they last logged in: `2018-03-05T12:00:00Z`.
        last_login_at "last_login_at": [text];
    }
}

builder! {
    /// An address of a customer. Nothing is required.
    CustomerAddressFields {
        /// Whether it is the one that counts.
        primary "primary": [bool];
        /// An e-mail address.
        email "email": [text];
        /// The company.
        company "company": [text];
        /// The first name.
        first_name "first_name": [text];
        /// The last name.
        last_name "last_name": [text];
        /// Street and number.
        street_address "street_address": [text];
        /// The street alone.
        street_name "street_name": [text];
        /// The number alone.
        street_number "street_number": [text];
        /// What follows the number.
        house_extension "house_extension": [text];
        /// The postal code.
        postal_code "postal_code": [text];
        /// The city.
        city "city": [text];
        /// The country, `FI`.
        country "country": [text];
        /// The telephone number.
        phone "phone": [text];
    }
}

builder! {
    /// A group of customers. Nothing is required.
    CustomerGroupFields {
        /// Its name.
        name "name": [text];
    }
}

builder! {
    /// A gift card. Nothing is required: a code is drawn where none is set.
    GiftCardFields {
        /// Its code.
        code "code": [text];
        /// The day from which on it is worth nothing.
        expires_at "expires_at": [shown Day];
        /// What is noted of it.
        notes "notes": [text];
        /// What is left on it.
        balance "balance": [shown Money];
    }
}

builder! {
    /// A product. `name`, `store` and something that identifies it there are required.
    ProductFields {
        /// Its name.
        name "name": [text];
        /// Who made it.
        developer "developer": [text];
        /// Where its icon is.
        icon "icon": [text];
        /// What the store calls it by.
        vendor_identifier "vendor_identifier": [text];
        /// Its number in the store.
        ref_no "ref_no": [u64];
        /// The developer's own name of it.
        sku "sku": [text];
        /// The name of its package.
        package_name "package_name": [text];
        /// The store; it never changes.
        store "store": [shown AppStore];
        /// When it was released.
        release_date "release_date": [text];
        /// Its version.
        version "version": [text];
        /// `app`, `inapp`, `book` or what else its store says.
        kind "type": [text];
        /// `Handheld`, `Tablet`, `Desktop` or what else its store says.
        devices "devices": [texts];
        /// Whether the store sells it.
        active "active": [bool];
        /// The product it is an in-app item of.
        parent_id "parent_id": [u64];
        /// `iads`, `admob` or what else it supports.
        features "features": [texts];
    }
}

builder! {
    /// A subscriber. `email` is required.
    SubscriberFields {
        /// The e-mail address.
        email "email": [text];
        /// The version of the store they came to.
        version_id "version_id": [u64];
        /// Their language, `fi`.
        language "language": [text];
        /// Their country, `FI`.
        country "country": [text];
        /// When they subscribed; now where nothing is set.
        subscribed_at "subscribed_at": [text];
        /// When they ended that.
        unsubscribed_at "unsubscribed_at": [text];
    }
}
