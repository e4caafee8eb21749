//! What ID tokens, access tokens and userinfo say.

use base::Timestamp;
use serde::Serialize;

use crate::authorize::ClaimRequest;
use crate::client::ClientId;
use crate::confirmation::Confirmation;
use crate::issuer::Issuer;
use crate::lifetimes::{ACCESS_TOKEN_TTL_SECONDS, ID_TOKEN_TTL_SECONDS};
use crate::scope::{ADDRESS, EMAIL, ORGANISATION, PHONE, PROFILE, REAL_NAME, Scope};

/// The `typ` of an ID token's header (OIDC Core, 2, leaves it open; RFC 7519, 5.1).
pub const ID_TOKEN_TYP: &str = "JWT";
/// The `typ` of an access token's header (RFC 9068, 2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";

/// Every claim that can be asked for, for discovery.
pub const CLAIMS: &[&str] = &[
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "sid",
    "at_hash",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "locale",
    "zoneinfo",
    "updated_at",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
    "address",
    "real_name_level",
    "id_number_masked",
    "organisation",
];

/// The login that a token speaks of.
#[derive(Debug, Clone, Copy)]
pub struct LogIn<'a> {
    /// When the person authenticated.
    pub at: Timestamp,
    /// The authentication context class reached.
    pub acr: &'a str,
    /// The methods used (RFC 8176).
    pub amr: &'a [&'a str],
    /// The session's identifier, the same for all clients of one session (OIDC Front-Channel Logout 1.0, 3).
    pub sid: &'a str,
}

impl LogIn<'_> {
    /// Whether somebody authenticated here, or at a provider that we asked.
    fn is_one(&self) -> bool {
        !self.amr.is_empty()
    }
}

/// The claims of an ID token (OIDC Core, 2).
#[derive(Debug, Clone, Serialize)]
pub struct IdTokenClaims<'a> {
    /// Who says so.
    pub iss: &'a str,
    /// Of whom.
    pub sub: &'a str,
    /// To whom.
    pub aud: &'a str,
    /// Until when, in seconds since 1970.
    pub exp: i64,
    /// Since when, in seconds since 1970.
    pub iat: i64,
    /// When the person authenticated, in seconds since 1970; always there.
    pub auth_time: i64,
    /// The request's nonce, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The authentication context class reached.
    pub acr: &'a str,
    /// The methods used.
    pub amr: &'a [&'a str],
    /// The session, for clients that are told when it ends (OIDC Front-Channel Logout 1.0, 3; Back-Channel Logout 1.0, 2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// The left half of the access token's hash (OIDC Core, 3.1.3.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The left half of the hash of the code that came with it (OIDC Core, 3.3.2.11).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<String>,
    /// Claims about the person that were asked for one by one (OIDC Core, 5.5).
    #[serde(flatten)]
    pub about: serde_json::Map<String, serde_json::Value>,
}

impl<'a> IdTokenClaims<'a> {
    /// The claims of an ID token made at `now`; `nonce`, `sid` and `at_hash` are the caller's to add.
    pub fn new(
        issuer: &'a Issuer,
        client: &'a ClientId,
        subject: &'a str,
        log_in: LogIn<'a>,
        now: Timestamp,
    ) -> Self {
        Self {
            iss: issuer.as_str(),
            sub: subject,
            aud: client.as_str(),
            exp: now.plus_seconds(ID_TOKEN_TTL_SECONDS).unix_seconds(),
            iat: now.unix_seconds(),
            auth_time: log_in.at.unix_seconds(),
            nonce: None,
            acr: log_in.acr,
            amr: log_in.amr,
            sid: None,
            at_hash: None,
            c_hash: None,
            about: serde_json::Map::new(),
        }
    }
}

/// The claims of an access token (RFC 9068, 2.2).
#[derive(Debug, Clone, Serialize)]
pub struct AccessTokenClaims<'a> {
    /// Who says so.
    pub iss: &'a str,
    /// On whose behalf: the person, or the client itself.
    pub sub: &'a str,
    /// Which APIs it is for.
    pub aud: Audience<'a>,
    /// Until when, in seconds since 1970.
    pub exp: i64,
    /// Since when, in seconds since 1970.
    pub iat: i64,
    /// Its own identifier.
    pub jti: &'a str,
    /// Which client got it.
    pub client_id: &'a str,
    /// What it allows; absent when that is nothing but being who it is.
    #[serde(skip_serializing_if = "says_nothing")]
    pub scope: &'a Scope,
    /// When the person authenticated; absent when none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The authentication context class reached; absent when nobody authenticated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<&'a str>,
    /// The session; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// What its bearer must prove to hold; absent when bearing it is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<&'a Confirmation>,
    /// What it allows in detail (RFC 9396, 9.1).
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub authorization_details: &'a [serde_json::Map<String, serde_json::Value>],
    /// Who acts for the subject, when it is another (RFC 8693, 4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<&'a crate::exchange::Actor>,
}

fn says_nothing(scope: &&Scope) -> bool {
    scope.is_empty()
}

/// One audience as a string, several as an array (RFC 7519, 4.1.3).
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Audience<'a> {
    /// One.
    One(&'a str),
    /// Several.
    Many(&'a [String]),
}

impl<'a> AccessTokenClaims<'a> {
    /// The claims of an access token made at `now` for `client` itself; [`Self::on_behalf_of`] makes it a person's.
    ///
    /// Without `resources` it is for this provider's own endpoints, userinfo among them.
    pub fn new(
        issuer: &'a Issuer,
        client: &'a ClientId,
        resources: &'a [String],
        scope: &'a Scope,
        jti: &'a str,
        now: Timestamp,
    ) -> Self {
        Self {
            iss: issuer.as_str(),
            sub: client.as_str(),
            aud: match resources {
                [] => Audience::One(issuer.as_str()),
                [one] => Audience::One(one),
                many => Audience::Many(many),
            },
            exp: now.plus_seconds(ACCESS_TOKEN_TTL_SECONDS).unix_seconds(),
            iat: now.unix_seconds(),
            jti,
            client_id: client.as_str(),
            scope,
            auth_time: None,
            acr: None,
            sid: None,
            cnf: None,
            authorization_details: &[],
            act: None,
        }
    }

    /// The same on behalf of `subject`, who logged in; or for whom somebody else vouched, when `log_in` knows no method: nobody here saw a
    /// login then, and the token speaks of none.
    #[must_use]
    pub fn on_behalf_of(self, subject: &'a str, log_in: LogIn<'a>) -> Self {
        Self {
            sub: subject,
            auth_time: log_in.is_one().then(|| log_in.at.unix_seconds()),
            acr: log_in.is_one().then_some(log_in.acr),
            sid: Some(log_in.sid),
            ..self
        }
    }
}

/// What userinfo may say of a person (OIDC Core, 5.1); what is unknown is `None` and not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UserInfo {
    /// The subject identifier, the same as the ID token's. Always sent.
    pub sub: String,
    /// The claims of scope `profile`.
    #[serde(flatten)]
    pub profile: Option<Profile>,
    /// `email` and whether it was verified.
    #[serde(flatten)]
    pub email: Option<Email>,
    /// `phone_number` and whether it was verified.
    #[serde(flatten)]
    pub phone: Option<Phone>,
    /// The postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// What is proven of the person's identity.
    #[serde(flatten)]
    pub real_name: Option<RealName>,
    /// The person's place in the organisation tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Organisation>,
}

/// The claims of scope `profile` (OIDC Core, 5.1 and 5.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Full name as displayed.
    pub name: String,
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
    /// The person's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The person's picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The person's own site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// The name that the person logs in with.
    pub preferred_username: String,
    /// `female` or `male`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthdate: Option<String>,
    /// BCP 47 tag: `zh-CN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Time zone: `Asia/Shanghai`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// When any of this changed last, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
}

/// The claims of scope `email` (OIDC Core, 5.1 and 5.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Email {
    /// The address.
    pub email: String,
    /// Whether the person was shown to control it.
    pub email_verified: bool,
}

/// The claims of scope `phone` (OIDC Core, 5.1 and 5.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Phone {
    /// E.164: `+8613800000000`.
    pub phone_number: String,
    /// Whether the person was shown to control it.
    pub phone_number_verified: bool,
}

/// The claim of scope `address` (OIDC Core, 5.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The whole address for display.
    pub formatted: String,
}

/// The claims of our scope `real_name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RealName {
    /// How far the identity is proven.
    pub real_name_level: String,
    /// The identity number with all but its ends hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_number_masked: Option<String>,
}

/// The claim of our scope `organisation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organisation {
    /// The unit's identifier.
    pub unit: String,
    /// The unit's name.
    pub name: String,
    /// The unit's path from the root of the tree.
    pub path: String,
    /// The post held there.
    pub post: String,
}

/// The claims of scope `profile` (OIDC Core, 5.4).
const PROFILE_CLAIMS: &[&str] = &[
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];

/// The scope that a claim about a person belongs to (OIDC Core, 5.4); `None` for claims of every token, and for unknown ones.
pub fn scope_of_claim(name: &str) -> Option<&'static str> {
    const OF_SCOPES: &[(&str, &[&str])] = &[
        (PROFILE, PROFILE_CLAIMS),
        (EMAIL, &["email", "email_verified"]),
        (PHONE, &["phone_number", "phone_number_verified"]),
        (ADDRESS, &["address"]),
        (REAL_NAME, &["real_name_level", "id_number_masked"]),
        (ORGANISATION, &["organisation"]),
    ];
    OF_SCOPES.iter().find(|(_, claims)| claims.contains(&name)).map(|(scope, _)| *scope)
}

impl UserInfo {
    /// What `scope` allows to be said, and the claims `asked` for one by one: those that the person consented to under the scopes that
    /// they belong to (OIDC Core, 5.4 and 5.5).
    pub fn released(
        &self,
        scope: &Scope,
        asked: &[ClaimRequest],
    ) -> serde_json::Map<String, serde_json::Value> {
        let is_asked = |name: &str| asked.iter().any(|claim| claim.name == name);
        let may = |name: &str| {
            name == "sub" || is_asked(name) || scope_of_claim(name).is_some_and(|s| scope.contains(s))
        };
        // INVARIANT: every member has a JSON form, and the whole is an object.
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(all)) => all.into_iter().filter(|(name, _)| may(name)).collect(),
            _ => serde_json::Map::new(),
        }
    }

    /// What of this `scope` allows to be said (OIDC Core, 5.4).
    #[must_use]
    pub fn limited_to(self, scope: &Scope) -> Self {
        fn keep<T>(claims: Option<T>, allowed: bool) -> Option<T> {
            claims.filter(|_| allowed)
        }
        Self {
            sub: self.sub,
            profile: keep(self.profile, scope.contains(PROFILE)),
            email: keep(self.email, scope.contains(EMAIL)),
            phone: keep(self.phone, scope.contains(PHONE)),
            address: keep(self.address, scope.contains(ADDRESS)),
            real_name: keep(self.real_name, scope.contains(REAL_NAME)),
            organisation: keep(self.organisation, scope.contains(ORGANISATION)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{ISSUER, web_client};
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_507_200);

    fn log_in() -> LogIn<'static> {
        LogIn { at: NOW.plus_seconds(-30), acr: "urn:yinxin:loa:2", amr: &["pwd", "sms"], sid: "ses_1" }
    }

    #[test]
    fn an_id_token_says_who_logged_in_when_and_how() {
        let (issuer, client) = (ISSUER.parse().unwrap(), web_client());
        let claims = IdTokenClaims::new(&issuer, &client.id, "usr_1", log_in(), NOW);
        let claims = IdTokenClaims { nonce: Some("n"), at_hash: Some("h".into()), ..claims };
        assert_eq!(
            serde_json::to_value(claims).unwrap(),
            json!({
                "iss": ISSUER, "sub": "usr_1", "aud": "tax-web", "exp": 1_795_507_800, "iat": 1_795_507_200,
                "auth_time": 1_795_507_170, "nonce": "n", "acr": "urn:yinxin:loa:2", "amr": ["pwd", "sms"],
                "at_hash": "h"
            })
        );
    }

    #[test]
    fn no_nonce_asked_no_nonce_answered() {
        let (issuer, client) = (ISSUER.parse().unwrap(), web_client());
        let json = serde_json::to_value(IdTokenClaims::new(&issuer, &client.id, "u", log_in(), NOW)).unwrap();
        assert_eq!((json.get("nonce"), json.get("at_hash")), (None, None));
    }

    #[test]
    fn an_access_token_is_for_named_apis_or_for_the_provider_itself() {
        let (issuer, client): (Issuer, _) = (ISSUER.parse().unwrap(), web_client());
        let scope = "tax:read".parse().unwrap();
        let apis = ["https://a".to_owned(), "https://b".to_owned()];
        let audience = |resources: &[String]| {
            let claims = AccessTokenClaims::new(&issuer, &client.id, resources, &scope, "j", NOW);
            serde_json::to_value(claims).unwrap()["aud"].clone()
        };
        assert_eq!(audience(&[]), json!(ISSUER));
        assert_eq!(audience(&apis[..1]), json!("https://a"));
        assert_eq!(audience(&apis), json!(["https://a", "https://b"]));
    }

    #[test]
    fn a_machine_speaks_for_itself_and_an_application_for_the_person() {
        let (issuer, client) = (ISSUER.parse().unwrap(), web_client());
        let scope = "tax:read".parse().unwrap();
        let own = AccessTokenClaims::new(&issuer, &client.id, &[], &scope, "j", NOW);
        let persons = serde_json::to_value(own.clone().on_behalf_of("usr_1", log_in())).unwrap();
        let own = serde_json::to_value(own).unwrap();
        assert_eq!((&own["sub"], own.get("auth_time"), own.get("acr")), (&json!("tax-web"), None, None));
        assert_eq!((&persons["sub"], &persons["client_id"]), (&json!("usr_1"), &json!("tax-web")));
        assert_eq!(persons["scope"], json!("tax:read"));
    }

    #[test]
    fn userinfo_says_what_the_scope_allows_in_the_types_the_standard_asks_for() {
        let everything = UserInfo {
            sub: "usr_1".into(),
            profile: Some(Profile {
                name: "林小满".into(),
                preferred_username: "lin".into(),
                updated_at: Some(1),
                ..Profile::default()
            }),
            email: Some(Email { email: "lin@example.cn".into(), email_verified: false }),
            phone: Some(Phone { phone_number: "+8613800000000".into(), phone_number_verified: true }),
            address: Some(Address { formatted: "福州市鼓楼区".into() }),
            real_name: Some(RealName { real_name_level: "verified".into(), id_number_masked: None }),
            organisation: None,
        };
        let say = |scope: &str| {
            serde_json::to_value(everything.clone().limited_to(&scope.parse().unwrap())).unwrap()
        };
        assert_eq!(say("openid"), json!({"sub": "usr_1"}));
        assert_eq!(
            say("openid profile"),
            json!({"sub": "usr_1", "name": "林小满", "preferred_username": "lin", "updated_at": 1})
        );
        assert_eq!(
            say("email phone address real_name"),
            json!({
                "sub": "usr_1", "email": "lin@example.cn", "email_verified": false,
                "phone_number": "+8613800000000", "phone_number_verified": true,
                "address": {"formatted": "福州市鼓楼区"}, "real_name_level": "verified"
            })
        );
    }
}
