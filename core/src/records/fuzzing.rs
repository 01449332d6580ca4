//! Records of any bytes.

use super::{
    Account, Banner, BannerGroup, Brand, Campaign, CampaignPrice, Category, CategoryProduct, Customer,
    CustomerAddress, CustomerGroup, CustomerLink, ExternalAccount, GiftCard, Product, ProductLink, Record,
    Subscriber,
};
use crate::Result;
use crate::kv::value;

type Decode = fn(&[u8]) -> Result<()>;

/// The collections there are, hidden ones too.
pub const TYPES: usize = DECODERS.len();

const DECODERS: [Decode; 17] = [
    decode::<ExternalAccount>,
    decode::<Account>,
    decode::<Product>,
    decode::<ProductLink>,
    decode::<Customer>,
    decode::<CustomerGroup>,
    decode::<Subscriber>,
    decode::<GiftCard>,
    decode::<CustomerLink>,
    decode::<CustomerAddress>,
    decode::<Brand>,
    decode::<Category>,
    decode::<CategoryProduct>,
    decode::<Campaign>,
    decode::<CampaignPrice>,
    decode::<BannerGroup>,
    decode::<Banner>,
];

/// Decodes a record of one of the collections, and asks it for all that it is indexed by.
///
/// # Errors
/// `Corruption` for what is none.
pub fn record(which: usize, bytes: &[u8]) -> Result<()> {
    DECODERS.get(which).map_or(Ok(()), |decode| decode(bytes))
}

fn decode<R: Record>(bytes: &[u8]) -> Result<()> {
    let record: R = value::decode(bytes)?;
    for field in R::FIELDS {
        let _ = (field.value)(&record);
    }
    value::encode(&record).map(drop)
}
