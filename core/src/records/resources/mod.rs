//! The resources: each is one file that declares what its records are, and what they do beyond what the machine gives
//! to all of them.

pub(in crate::records) mod account;
pub(in crate::records) mod banner;
pub(in crate::records) mod banner_group;
pub(in crate::records) mod brand;
pub(in crate::records) mod campaign;
pub(in crate::records) mod campaign_part;
pub(in crate::records) mod campaign_price;
pub(in crate::records) mod category;
pub(in crate::records) mod category_product;
pub(in crate::records) mod credentials;
pub(in crate::records) mod customer;
pub(in crate::records) mod customer_address;
pub(in crate::records) mod customer_group;
pub(in crate::records) mod customer_link;
#[cfg(test)]
mod customer_model_test;
pub(in crate::records) mod email;
pub(in crate::records) mod external_account;
pub(in crate::records) mod external_id;
pub(in crate::records) mod gift_card;
pub(in crate::records) mod product;
pub(in crate::records) mod product_link;
pub(in crate::records) mod product_lookup;
pub(in crate::records) mod product_memory;
pub(in crate::records) mod product_parts;
pub(in crate::records) mod product_search;
#[cfg(test)]
mod shop_model_test;
pub(in crate::records) mod stores;
pub(in crate::records) mod subscriber;
