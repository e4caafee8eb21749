//! What people say of themselves: how they are reached, what they are called. Kept sealed, like the identity number.

use base::id::Account;
use base::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use store::BadRow;
use store::rows::accounts::{self, AccountRow};

use crate::env::Env;
use crate::error::{Failure, Fault, Rejected};

const EMAIL_MAX_BYTES: usize = 254;
const PHONE_MAX_DIGITS: usize = 15;
const TEXT_MAX_CHARS: usize = 200;
const URL_MAX_BYTES: usize = 2_048;

/// What a person says of themselves (OIDC Core, 5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfDescription {
    /// Mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Claimed>,
    /// Telephone number, E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Claimed>,
    /// Postal address, as it is written on a letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Surname.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Middle name, for those who have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// What the person likes to be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The person's page, an https URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The person's picture, an https URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The person's own site, an https URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Time zone: `Asia/Shanghai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// Language (BCP 47): `zh-CN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
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

/// What the person of `account` says of themselves.
pub fn of(env: &Env, account: &AccountRow) -> Result<SelfDescription, Fault> {
    let Some(sealed) = &account.self_description_sealed else { return Ok(SelfDescription::default()) };
    let opened = env.keys.open_blob(&context(account.id), sealed)?;
    let bad = |e| BadRow::new("account", "self_description_sealed", account.id, e).into();
    serde_json::from_slice(opened.expose()).map_err(bad)
}

/// Replaces what the person of `account` says of themselves.
pub async fn change(
    env: &Env,
    now: Timestamp,
    account: Id<Account>,
    description: &SelfDescription,
) -> Result<(), Failure> {
    let sealed = seal(env, account, description)?;
    let mut tx = env.db.begin().await?;
    accounts::describe(&mut tx, account, &sealed, now).await?;
    // COMMIT POINT: what is said from now on.
    tx.commit().await?;
    env.persons.forget(&account);
    Ok(())
}

/// `description` checked and sealed for `account`.
pub(crate) fn seal(
    env: &Env,
    account: Id<Account>,
    description: &SelfDescription,
) -> Result<Vec<u8>, Failure> {
    if let Some((field, expected)) = first_mistake(description) {
        return Err(Rejected::unprocessable("bad_account", format!("{field}: expected {expected}")).into());
    }
    Ok(env.keys.seal_blob(&context(account), &serde_json::to_vec(description)?)?)
}

/// The first field that is not what it should be, and what that is.
fn first_mistake(description: &SelfDescription) -> Option<(&'static str, &'static str)> {
    let SelfDescription { email, phone, address, family_name, given_name, middle_name, nickname, .. } =
        description;
    if email.as_ref().is_some_and(|email| !is_email(&email.value)) {
        return Some(("email", "an address like `name@example.cn`"));
    }
    if phone.as_ref().is_some_and(|phone| !is_e164(&phone.value)) {
        return Some(("phone", "an international number like `+8613800000000`"));
    }
    let texts = [
        ("address", address),
        ("family_name", family_name),
        ("given_name", given_name),
        ("middle_name", middle_name),
        ("nickname", nickname),
        ("zoneinfo", &description.zoneinfo),
        ("locale", &description.locale),
    ];
    let bad = |text: &String| {
        text.trim().is_empty() || text.chars().count() > TEXT_MAX_CHARS || text.contains(char::is_control)
    };
    if let Some((field, _)) = texts.into_iter().find(|(_, text)| text.as_ref().is_some_and(bad)) {
        return Some((field, "1 to 200 printable characters"));
    }
    let urls = [
        ("profile", &description.profile),
        ("picture", &description.picture),
        ("website", &description.website),
    ];
    let is_https = |text: &String| {
        text.len() <= URL_MAX_BYTES
            && url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
    };
    let wrong = urls.into_iter().find(|(_, url)| url.as_ref().is_some_and(|url| !is_https(url)));
    wrong.map(|(field, _)| (field, "an https URL"))
}

fn context(account: Id<Account>) -> String {
    format!("account/self-description/{account}")
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
