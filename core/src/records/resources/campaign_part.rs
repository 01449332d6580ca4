//! The parts of a campaign: its conditions, its discounts and its page.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::records::Moment;
use crate::records::input::Input;

/// A part of a record, shown whole: what is not set is null, false or empty.
pub(in crate::records) trait Part: Default {
    /// Takes from the input what it names.
    fn apply(&mut self, input: &mut Input<'_>);
    /// Shows all of it.
    fn to_json(&self) -> Value;
}

/// Takes a part from the field that names it: an object changes what it names, null empties the part.
pub(in crate::records) fn part<T: Part>(input: &mut Input<'_>, name: &'static str, target: &mut T) {
    if input.value(name).is_some_and(Value::is_null) {
        *target = T::default();
    }
    input.nested(name, |input| target.apply(input));
}

/// When a campaign applies, and for whom. What is not set is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CampaignConditions {
    /// From when and until when.
    pub time: CampaignTime,
    /// What a customer has to enter.
    pub code: Option<String>,
    /// For which customers.
    pub customers: CampaignCustomers,
}

impl Part for CampaignConditions {
    fn apply(&mut self, input: &mut Input<'_>) {
        part(input, "time", &mut self.time);
        input.code("code", &mut self.code);
        part(input, "customers", &mut self.customers);
    }

    fn to_json(&self) -> Value {
        json!({"time": self.time.to_json(), "code": self.code, "customers": self.customers.to_json()})
    }
}

/// From when and until when a campaign applies; either may be open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CampaignTime {
    /// From when.
    pub from: Option<Moment>,
    /// Until when: the same moment or a later one.
    pub to: Option<Moment>,
}

impl Part for CampaignTime {
    fn apply(&mut self, input: &mut Input<'_>) {
        input.moment("from", &mut self.from);
        input.moment("to", &mut self.to);
        Moment::fault_order(self.from.as_ref(), self.to.as_ref(), input, "to");
    }

    fn to_json(&self) -> Value {
        json!({"from": Moment::to_json(self.from.as_ref()), "to": Moment::to_json(self.to.as_ref())})
    }
}

/// For which customers a campaign is; with no group it is for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CampaignCustomers {
    /// The customer groups, each once, in the order in which they were given.
    pub group_ids: Vec<u64>,
}

impl Part for CampaignCustomers {
    fn apply(&mut self, input: &mut Input<'_>) {
        input.ids("group_ids", &mut self.group_ids);
    }

    fn to_json(&self) -> Value {
        json!({"group_ids": self.group_ids})
    }
}

/// What a campaign gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CampaignDiscounts {
    /// The prices of its rows.
    pub products: ProductDiscounts,
    /// Delivery for nothing.
    pub free_shipping: Discount,
    /// A row of its own in the order.
    pub discount_row: Discount,
}

impl Part for CampaignDiscounts {
    fn apply(&mut self, input: &mut Input<'_>) {
        part(input, "products", &mut self.products);
        part(input, "free_shipping", &mut self.free_shipping);
        part(input, "discount_row", &mut self.discount_row);
    }

    fn to_json(&self) -> Value {
        json!({
            "products": self.products.to_json(),
            "free_shipping": self.free_shipping.to_json(),
            "discount_row": self.discount_row.to_json(),
        })
    }
}

/// Lower prices of products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProductDiscounts {
    /// Whether there are any.
    pub enabled: bool,
    /// Whether they may depend on the quantity.
    pub quantity_discounts: bool,
}

impl Part for ProductDiscounts {
    fn apply(&mut self, input: &mut Input<'_>) {
        input.boolean("enabled", &mut self.enabled);
        input.boolean("quantity_discounts", &mut self.quantity_discounts);
    }

    fn to_json(&self) -> Value {
        json!({"enabled": self.enabled, "quantity_discounts": self.quantity_discounts})
    }
}

/// A discount that is given or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Discount {
    /// Whether it is given.
    pub enabled: bool,
}

impl Part for Discount {
    fn apply(&mut self, input: &mut Input<'_>) {
        input.boolean("enabled", &mut self.enabled);
    }

    fn to_json(&self) -> Value {
        json!({"enabled": self.enabled})
    }
}

/// The page that shows a campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CampaignPage {
    /// What it tells, as HTML.
    pub description: Option<String>,
    /// Whether there is one.
    pub enabled: bool,
    /// The name of its image file.
    pub image: Option<String>,
    /// Where it leads to.
    pub link: Option<String>,
    /// Whether it stands before others.
    pub pinned: bool,
    /// The template that shows it.
    pub template: Option<String>,
}

impl Part for CampaignPage {
    fn apply(&mut self, input: &mut Input<'_>) {
        input.long_text("description", &mut self.description);
        input.boolean("enabled", &mut self.enabled);
        input.optional_text("image", &mut self.image);
        input.long_text("link", &mut self.link);
        input.boolean("pinned", &mut self.pinned);
        input.optional_text("template", &mut self.template);
    }

    fn to_json(&self) -> Value {
        json!({
            "description": self.description,
            "enabled": self.enabled,
            "image": self.image,
            "link": self.link,
            "pinned": self.pinned,
            "template": self.template,
        })
    }
}
