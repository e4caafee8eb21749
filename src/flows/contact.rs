//! How a person is reached: mail address, telephone number, postal address. Kept sealed, like the identity number.

use base::id::Account;
use base::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use store::BadRow;
use store::rows::accounts::{self, AccountRow};

use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};

const EMAIL_MAX_BYTES: usize = 254;
const PHONE_MAX_DIGITS: usize = 15;
const ADDRESS_MAX_CHARS: usize = 200;

/// How a person is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contact {
    /// Mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Claimed>,
    /// Telephone number, E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Claimed>,
    /// Postal address, as it is written on a letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// Something that is the person's, as they say or as was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claimed {
    /// What.
    pub value: String,
    /// Whether it was shown that the person controls it.
    #[serde(default)]
    pub verified: bool,
}

impl Claimed {
    /// What a person says is theirs.
    pub fn unverified(value: impl Into<String>) -> Self {
        Self { value: value.into(), verified: false }
    }
}

/// How the person of `account` is reached.
pub fn of(env: &Env, account: &AccountRow) -> Result<Contact, Fault> {
    let Some(sealed) = &account.contact_sealed else { return Ok(Contact::default()) };
    let opened = env.keys.open_blob(&context(account.id), sealed)?;
    let bad = |e| BadRow::new("account", "contact_sealed", account.id, e).into();
    serde_json::from_slice(opened.expose()).map_err(bad)
}

/// Replaces how the person of `account` is reached.
pub async fn change(
    env: &Env,
    now: Timestamp,
    account: Id<Account>,
    contact: &Contact,
) -> Result<(), Failure> {
    let sealed = seal(env, account, contact)?;
    let mut tx = env.db.begin().await?;
    accounts::set_contact(&mut tx, account, &sealed, now).await?;
    Ok(tx.commit().await?)
}

/// `contact` checked and sealed for `account`.
pub(crate) fn seal(env: &Env, account: Id<Account>, contact: &Contact) -> Result<Vec<u8>, Failure> {
    let bad = |field: &str, expected: &str| {
        Failure::from(Rejected::unprocessable("bad_account", format!("{field}: expected {expected}")))
    };
    if contact.email.as_ref().is_some_and(|email| !is_email(&email.value)) {
        return Err(bad("email", "an address like `name@example.cn`"));
    }
    if contact.phone.as_ref().is_some_and(|phone| !is_e164(&phone.value)) {
        return Err(bad("phone", "an international number like `+8613800000000`"));
    }
    let long = |text: &String| text.trim().is_empty() || text.chars().count() > ADDRESS_MAX_CHARS;
    if contact.address.as_ref().is_some_and(|text| long(text) || text.contains(char::is_control)) {
        return Err(bad("address", "1 to 200 printable characters"));
    }
    Ok(env.keys.seal_blob(&context(account), &serde_json::to_vec(contact)?)?)
}

fn context(account: Id<Account>) -> String {
    format!("account/contact/{account}")
}

fn is_email(text: &str) -> bool {
    let good = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    text.len() <= EMAIL_MAX_BYTES
        && text.rsplit_once('@').is_some_and(|(name, host)| good(name) && good(host))
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (5..=PHONE_MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    })
}
