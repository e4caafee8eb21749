//! What an application registers, in the members of OIDC Dynamic Registration 1.0, 2 (RFC 7591, 2) and a few of our own, and the
//! [`Client`] that follows from it.

use jose::jwe::{ContentEncryption, EncryptionKeys, KeyManagement};
use jose::{Algorithm, Jwks};
use serde::{Deserialize, Serialize};

use crate::authorize::{AllowedModes, ResponseMode};
use crate::ciba::Delivery;
use crate::client::{
    AccessTokenFormat, Approval, AuthMethod, BackChannel, Binding, CLIENT_URI_MAX_BYTES, CODE_ID_TOKEN,
    Client, ClientKeys, ClientName, FrontChannel, GrantType, RequestRules, ResponseAlgorithms,
};
use crate::encryption::{Encryption, ResponseEncryptions};
use crate::jwt_bearer::{RegisteredIssuer, TrustedIssuer};
use crate::mtls::{CERTIFICATE_MEMBERS, CertificateSubject};
use crate::redirect_uri::ApplicationType;
use crate::registration_change;
use crate::scope::{OPENID, Scope};
use crate::subject::{self, SubjectType};

/// A registration as it is kept and as our own API takes it. Absent members have the values that the standard gives them, but for
/// the algorithms of tokens, which are `ES256`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    /// Name in Chinese.
    #[serde(rename = "client_name#zh-CN")]
    pub name_zh: String,
    /// Name in English.
    #[serde(rename = "client_name#en")]
    pub name_en: String,
    /// `web` or `native`.
    pub application_type: ApplicationType,
    /// How it authenticates: a name of [`AuthMethod`].
    pub token_endpoint_auth_method: String,
    /// What its client assertions are signed with; any accepted algorithm when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where its public keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// Where the browser may go after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// Names of grants.
    pub grant_types: Vec<String>,
    /// `code`, for those that log people in; `code id_token` as well for one that cannot do without, which is for administrators to say.
    pub response_types: Vec<String>,
    /// How answers of the authorization endpoint may travel: names of modes; any of them when absent (ASVS 5.0, V10.4.12). Our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_modes: Option<Vec<String>>,
    /// The most that may ever be granted.
    pub scope: String,
    /// The APIs it may ask tokens for.
    pub audiences: Vec<String>,
    /// The types of `authorization_details` it may ask for (RFC 9396, 10).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types: Vec<String>,
    /// What its ID tokens are signed with.
    pub id_token_signed_response_alg: String,
    /// What its access tokens are signed with.
    pub access_token_signed_response_alg: String,
    /// What its access tokens look like: `jwt` or `opaque`.
    #[serde(skip_serializing_if = "is_jwt")]
    pub access_token_format: AccessTokenFormat,
    /// What userinfo is signed with; plain JSON when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<String>,
    /// What answers of the authorization endpoint are signed with when it asks for signed ones (JARM, 3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<String>,
    /// What answers about tokens are signed with when it asks for signed ones (RFC 9701, 6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<String>,
    /// What its ID tokens are encrypted with, and logout tokens with them: how the content's key reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<String>,
    /// And how the content is; `A128CBC-HS256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_enc: Option<String>,
    /// What userinfo is encrypted with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<String>,
    /// And how the content is; `A128CBC-HS256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_enc: Option<String>,
    /// What signed answers of the authorization endpoint are encrypted with (JARM, 3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_alg: Option<String>,
    /// And how the content is; `A128CBC-HS256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_enc: Option<String>,
    /// What signed answers about tokens are encrypted with (RFC 9701, 6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_alg: Option<String>,
    /// And how the content is; `A128CBC-HS256` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_enc: Option<String>,
    /// Under which names it knows people: `public` or `pairwise` (OIDC Core, 8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
    /// Where the redirect URIs of all clients are listed that know people by the same names (OIDC Core, 8.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// What its request objects are signed with; any accepted algorithm when absent (RFC 9101).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    /// Its authorization requests must be signed (RFC 9101, 10.5).
    #[serde(skip_serializing_if = "is_false")]
    pub require_signed_request_object: bool,
    /// Its authorization requests must be pushed (RFC 9126, 6).
    #[serde(skip_serializing_if = "is_false")]
    pub require_pushed_authorization_requests: bool,
    /// Its authorization requests must use PKCE; `false` waives it for a confidential client, and is for administrators to say.
    #[serde(skip_serializing_if = "is_true")]
    pub require_pkce: bool,
    /// Its access tokens are bound to a key it proves (RFC 9449, 5.2).
    #[serde(skip_serializing_if = "is_false")]
    pub dpop_bound_access_tokens: bool,
    /// Its access tokens are bound to the certificate on its connection (RFC 8705, 3.4).
    #[serde(skip_serializing_if = "is_false")]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// The subject of its certificate, in the form of RFC 4514 (RFC 8705, 2.1.2: for `tls_client_auth`, this or one of the next four).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    /// A host name in its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    /// A URI in its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    /// An IP address in its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    /// A mail address in its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
    /// How old a login may be when a request does not say, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<i64>,
    /// Its ID tokens say when the person logged in; they always do.
    #[serde(skip_serializing_if = "is_false")]
    pub require_auth_time: bool,
    /// Where it takes logins that start elsewhere (OIDC Core, 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Its page to load in the browser when the person logs out (OIDC Front-Channel Logout 1.0, 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// That page needs `iss` and `sid`; it always gets them.
    #[serde(skip_serializing_if = "is_false")]
    pub frontchannel_logout_session_required: bool,
    /// Where it is told that the person logged out (OIDC Back-Channel Logout 1.0, 2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// It must be told with `sid`; it always is.
    #[serde(skip_serializing_if = "is_false")]
    pub backchannel_logout_session_required: bool,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// What it does with data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// The software's identifier, the same for all who run it (RFC 7591, 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// The software's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// It registered itself (RFC 7591): nobody but its maker says what it is. Not for registrations to say.
    #[serde(skip_serializing_if = "is_false")]
    pub registered_itself: bool,
    /// How it learns that a person whom we asked has answered: `poll` or `ping` (OIDC CIBA Core 1.0, 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_token_delivery_mode: Option<String>,
    /// Where it is told, in ping mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// It sends a code of the person's; codes are not used, so only `false`.
    #[serde(skip_serializing_if = "is_false")]
    pub backchannel_user_code_parameter: bool,
    /// Whose assertions about people it may bring (RFC 7523, 2.1); for administrators to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assertion_issuers: Vec<RegisteredIssuer>,
    /// The government's own: people are not asked for consent.
    #[serde(skip_serializing_if = "is_false")]
    pub first_party: bool,
    /// Data sets that it may read for itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may_read: Vec<String>,
    /// Seals that it may use for itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may_use_seals: Vec<String>,
    /// Types of e-certificates that it may issue for itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may_issue: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
const fn is_true(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
fn is_jwt(format: &AccessTokenFormat) -> bool {
    *format == AccessTokenFormat::Jwt
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            name_zh: String::new(),
            name_en: String::new(),
            application_type: ApplicationType::Web,
            token_endpoint_auth_method: AuthMethod::ClientSecretBasic.as_str().to_owned(),
            token_endpoint_auth_signing_alg: None,
            jwks: None,
            jwks_uri: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            grant_types: vec![GrantType::AuthorizationCode.as_str().to_owned()],
            response_types: vec!["code".to_owned()],
            response_modes: None,
            scope: OPENID.to_owned(),
            audiences: Vec::new(),
            authorization_details_types: Vec::new(),
            id_token_signed_response_alg: Algorithm::Es256.as_str().to_owned(),
            access_token_signed_response_alg: Algorithm::Es256.as_str().to_owned(),
            access_token_format: AccessTokenFormat::Jwt,
            userinfo_signed_response_alg: None,
            authorization_signed_response_alg: None,
            introspection_signed_response_alg: None,
            id_token_encrypted_response_alg: None,
            id_token_encrypted_response_enc: None,
            userinfo_encrypted_response_alg: None,
            userinfo_encrypted_response_enc: None,
            authorization_encrypted_response_alg: None,
            authorization_encrypted_response_enc: None,
            introspection_encrypted_response_alg: None,
            introspection_encrypted_response_enc: None,
            subject_type: None,
            sector_identifier_uri: None,
            request_object_signing_alg: None,
            require_signed_request_object: false,
            require_pushed_authorization_requests: false,
            require_pkce: true,
            dpop_bound_access_tokens: false,
            tls_client_certificate_bound_access_tokens: false,
            tls_client_auth_subject_dn: None,
            tls_client_auth_san_dns: None,
            tls_client_auth_san_uri: None,
            tls_client_auth_san_ip: None,
            tls_client_auth_san_email: None,
            default_max_age: None,
            require_auth_time: false,
            initiate_login_uri: None,
            frontchannel_logout_uri: None,
            frontchannel_logout_session_required: false,
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            contacts: Vec::new(),
            software_id: None,
            software_version: None,
            registered_itself: false,
            backchannel_token_delivery_mode: None,
            backchannel_client_notification_endpoint: None,
            backchannel_user_code_parameter: false,
            assertion_issuers: Vec::new(),
            first_party: false,
            may_read: Vec::new(),
            may_use_seals: Vec::new(),
            may_issue: Vec::new(),
        }
    }
}

/// A member that has no meaning here; its text says which, what was expected and what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: expected {expected}, got `{got}`")]
pub struct BadMember {
    /// The member's name.
    pub member: &'static str,
    /// What may stand there.
    pub expected: String,
    /// What came.
    pub got: String,
}

impl Registration {
    /// Whether answers may carry an ID token beside the code (OIDC Core, 3.3).
    pub fn is_hybrid(&self) -> bool {
        self.response_types.iter().any(|kind| kind == CODE_ID_TOKEN)
    }

    /// The client called `id` that this registers, without its secret; [`Client::check_registration`] says whether it holds together.
    pub fn to_client(&self, id: &str) -> Result<Client, BadMember> {
        let known = ["code", CODE_ID_TOKEN];
        if let Some(other) = self.response_types.iter().find(|t| !known.contains(&t.as_str())) {
            return Err(bad("response_types", "`code` or `code id_token`", other));
        }
        Ok(Client {
            id: id.parse().map_err(|_| bad("client_id", "a client identifier", id))?,
            name: ClientName { zh: self.name_zh.clone(), en: self.name_en.clone() },
            application_type: self.application_type,
            auth_method: self.auth_method()?,
            assertion_alg: optional(
                "token_endpoint_auth_signing_alg",
                self.token_endpoint_auth_signing_alg.as_deref(),
            )?,
            keys: self.keys()?,
            secret_hash: None,
            redirect_uris: self.redirect_uris.clone(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
            grant_types: self.grants()?,
            scopes: self.scope.parse::<Scope>().map_err(|e| bad("scope", &e.to_string(), &self.scope))?,
            audiences: self.audiences.clone(),
            authorization_details_types: self.authorization_details_types.clone(),
            algorithms: self.algorithms()?,
            access_token_format: self.access_token_format,
            encryptions: self.encryptions()?,
            subject: self.subject()?,
            requests: RequestRules {
                pushed_only: self.require_pushed_authorization_requests,
                signed_only: self.require_signed_request_object,
                alg: optional("request_object_signing_alg", self.request_object_signing_alg.as_deref())?,
                pkce_waived: !self.require_pkce,
                hybrid: self.is_hybrid(),
                default_max_age_seconds: self.default_max_age.filter(|age| *age >= 0),
            },
            response_modes: self.modes()?,
            certificate_subject: self.certificate_subject()?,
            binding: Binding {
                dpop: self.dpop_bound_access_tokens,
                certificate: self.tls_client_certificate_bound_access_tokens,
            },
            front_channel: self.frontchannel_logout_uri.clone().map(|uri| FrontChannel { uri }),
            back_channel: self.backchannel_logout_uri.clone().map(|uri| BackChannel { uri }),
            initiate_login_uri: self.initiate_login_uri.clone(),
            ciba: self.ciba()?,
            assertion_issuers: self.issuers()?,
            approval: if self.first_party { Approval::FirstParty } else { Approval::AskThePerson },
            yes_to: registration_change::yes_to(self).into(),
            registered_itself: self.registered_itself,
            document: None,
            redirect_uris_vouched: false,
            enabled: true,
            in_use_since: None,
        })
    }

    /// How answers may travel: known modes, with at least one for each response type, and none for one that is not registered.
    fn modes(&self) -> Result<AllowedModes, BadMember> {
        let Some(names) = &self.response_modes else { return Ok(AllowedModes::default()) };
        let wrong = |expected: &str, got: &str| bad("response_modes", expected, got);
        let known = [ResponseMode::SUPPORTED, ResponseMode::SUPPORTED_WITH_ID_TOKEN].concat().join("`, `");
        let modes = AllowedModes::named(names).map_err(|name| wrong(&format!("modes of `{known}`"), name))?;
        let in_fragment = names.iter().find(|name| name.starts_with("fragment"));
        if let Some(name) = in_fragment.filter(|_| !self.is_hybrid()) {
            return Err(wrong("no `fragment` without the response type `code id_token`", name));
        }
        for (kind, with_id_token) in [("code", false), (CODE_ID_TOKEN, true)] {
            if self.response_types.iter().any(|k| k == kind) && modes.first(with_id_token).is_none() {
                return Err(wrong(&format!("at least one for the response type `{kind}`"), &names.join(" ")));
            }
        }
        Ok(modes)
    }

    fn auth_method(&self) -> Result<AuthMethod, BadMember> {
        let names = AuthMethod::ALL.map(AuthMethod::as_str).join("`, `");
        let method = &self.token_endpoint_auth_method;
        AuthMethod::parse(method)
            .ok_or_else(|| bad("token_endpoint_auth_method", &format!("one of `{names}`"), method))
    }

    fn grants(&self) -> Result<Vec<GrantType>, BadMember> {
        let names = GrantType::ALL.map(GrantType::as_str).join("`, `");
        let grant = |name: &String| {
            GrantType::parse(name).ok_or_else(|| bad("grant_types", &format!("grants of `{names}`"), name))
        };
        self.grant_types.iter().map(grant).collect()
    }

    fn ciba(&self) -> Result<Delivery, BadMember> {
        if self.backchannel_user_code_parameter {
            return Err(bad("backchannel_user_code_parameter", "`false`", "true"));
        }
        let mode = self.backchannel_token_delivery_mode.as_deref();
        match (mode, &self.backchannel_client_notification_endpoint) {
            (None | Some("poll"), None) => Ok(Delivery::Poll),
            (Some("ping"), Some(uri)) => Ok(Delivery::Ping { uri: uri.clone() }),
            (Some("ping"), None) => {
                Err(bad("backchannel_client_notification_endpoint", "an address for `ping`", "none"))
            }
            (None | Some("poll"), Some(uri)) => {
                Err(bad("backchannel_client_notification_endpoint", "none but for `ping`", uri))
            }
            (Some(other), _) => Err(bad(
                "backchannel_token_delivery_mode",
                &format!("`{}`", Delivery::MODES.join("` or `")),
                other,
            )),
        }
    }

    fn issuers(&self) -> Result<Vec<TrustedIssuer>, BadMember> {
        let trusted = |issuer: &RegisteredIssuer| {
            let own =
                Self { jwks: issuer.jwks.clone(), jwks_uri: issuer.jwks_uri.clone(), ..Self::default() };
            let keys = own.keys()?;
            Ok(TrustedIssuer { iss: issuer.iss.clone(), keys, subject: issuer.subject })
        };
        self.assertion_issuers.iter().map(trusted).collect()
    }

    /// Its keys, from `jwks` or `jwks_uri`.
    pub fn keys(&self) -> Result<ClientKeys, BadMember> {
        match (&self.jwks, &self.jwks_uri) {
            (None, None) => Ok(ClientKeys::None),
            (Some(_), Some(uri)) => Err(bad("jwks_uri", "nothing beside `jwks` (RFC 7591, 2)", uri)),
            (Some(jwks), None) => {
                let json = jwks.to_string();
                let set = Jwks::from_json(json.as_bytes());
                let refused =
                    |e: jose::JwkError| bad("jwks", &format!("a set of public keys ({e})"), "another value");
                let encryption = EncryptionKeys::from_json(json.as_bytes());
                ClientKeys::given(set.map_err(refused)?, encryption.map_err(refused)?)
                    .map_err(|e| bad("jwks", "distinct keys", &e.to_string()))
            }
            (None, Some(uri)) => match url::Url::parse(uri) {
                Ok(url) if crate::redirect_uri::is_https_or_loopback(&url) => Ok(ClientKeys::At(url)),
                _ => Err(bad("jwks_uri", "an https URL", uri)),
            },
        }
    }

    fn subject(&self) -> Result<SubjectType, BadMember> {
        let list = self.sector_identifier_uri.as_deref().map(subject::sector_identifier_uri).transpose()?;
        match self.subject_type.as_deref() {
            None | Some("public") => Ok(SubjectType::Public),
            Some("pairwise") => {
                Ok(SubjectType::Pairwise { sector: subject::sector(list.as_ref(), &self.redirect_uris)? })
            }
            Some(other) => Err(bad("subject_type", "`public` or `pairwise`", other)),
        }
    }

    fn encryptions(&self) -> Result<ResponseEncryptions, BadMember> {
        Ok(ResponseEncryptions {
            id_token: encryption(
                ["id_token_encrypted_response_alg", "id_token_encrypted_response_enc"],
                self.id_token_encrypted_response_alg.as_deref(),
                self.id_token_encrypted_response_enc.as_deref(),
            )?,
            userinfo: encryption(
                ["userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc"],
                self.userinfo_encrypted_response_alg.as_deref(),
                self.userinfo_encrypted_response_enc.as_deref(),
            )?,
            authorization: encryption(
                ["authorization_encrypted_response_alg", "authorization_encrypted_response_enc"],
                self.authorization_encrypted_response_alg.as_deref(),
                self.authorization_encrypted_response_enc.as_deref(),
            )?,
            introspection: encryption(
                ["introspection_encrypted_response_alg", "introspection_encrypted_response_enc"],
                self.introspection_encrypted_response_alg.as_deref(),
                self.introspection_encrypted_response_enc.as_deref(),
            )?,
        })
    }

    /// What its certificate must say: one of the members, or none of them (RFC 8705, 2.1.2).
    fn certificate_subject(&self) -> Result<Option<CertificateSubject>, BadMember> {
        let values = [
            &self.tls_client_auth_subject_dn,
            &self.tls_client_auth_san_dns,
            &self.tls_client_auth_san_uri,
            &self.tls_client_auth_san_ip,
            &self.tls_client_auth_san_email,
        ];
        let mut named = CERTIFICATE_MEMBERS
            .into_iter()
            .zip(values)
            .filter_map(|(member, value)| value.as_deref().map(|value| (member, value)));
        match (named.next(), named.next()) {
            (None, _) => Ok(None),
            (Some((member, value)), None) => CertificateSubject::read(member, value).map(Some),
            (Some((first, _)), Some((member, value))) => {
                Err(bad(member, &format!("nothing beside `{first}` (RFC 8705, 2.1.2)"), value))
            }
        }
    }

    fn algorithms(&self) -> Result<ResponseAlgorithms, BadMember> {
        let authorization = self.authorization_signed_response_alg.as_deref();
        Ok(ResponseAlgorithms {
            id_token: algorithm("id_token_signed_response_alg", &self.id_token_signed_response_alg)?,
            access_token: algorithm(
                "access_token_signed_response_alg",
                &self.access_token_signed_response_alg,
            )?,
            userinfo: optional("userinfo_signed_response_alg", self.userinfo_signed_response_alg.as_deref())?,
            authorization: optional("authorization_signed_response_alg", authorization)?
                .unwrap_or(Algorithm::Es256),
            introspection: optional(
                "introspection_signed_response_alg",
                self.introspection_signed_response_alg.as_deref(),
            )?
            .unwrap_or(Algorithm::Es256),
        })
    }
}

/// A content encryption without a way for its key has no meaning; the other way round it is the standard's (OIDC Dynamic Registration
/// 1.0, 2).
fn encryption(
    members: [&'static str; 2],
    alg: Option<&str>,
    enc: Option<&str>,
) -> Result<Option<Encryption>, BadMember> {
    let [alg_member, enc_member] = members;
    let Some(alg) = alg else {
        let needs = format!("nothing without `{alg_member}`");
        return enc.map_or(Ok(None), |enc| Err(bad(enc_member, &needs, enc)));
    };
    let algs = jose::algorithm::Names(&KeyManagement::ALL);
    let encs = jose::algorithm::Names(&ContentEncryption::ALL);
    let enc = match enc {
        Some(name) => {
            ContentEncryption::parse(name).ok_or_else(|| bad(enc_member, &encs.to_string(), name))?
        }
        None => ContentEncryption::default(),
    };
    let alg = KeyManagement::parse(alg).ok_or_else(|| bad(alg_member, &algs.to_string(), alg))?;
    Ok(Some(Encryption { alg, enc }))
}

impl CertificateSubject {
    fn read(member: &'static str, value: &str) -> Result<Self, BadMember> {
        let plain = !value.is_empty()
            && value.len() <= CLIENT_URI_MAX_BYTES
            && value.bytes().all(|b| b.is_ascii_graphic());
        match member {
            "tls_client_auth_subject_dn" => {
                value.parse().map(Self::Name).map_err(|e| bad(member, &e.to_string(), value))
            }
            "tls_client_auth_san_ip" => {
                value.parse().map(Self::Ip).map_err(|_| bad(member, "an IP address", value))
            }
            "tls_client_auth_san_dns" if plain && !value.contains('*') => Ok(Self::Dns(value.to_owned())),
            "tls_client_auth_san_dns" => Err(bad(member, "a host name in full", value)),
            "tls_client_auth_san_uri" if plain && url::Url::parse(value).is_ok() => {
                Ok(Self::Uri(value.to_owned()))
            }
            "tls_client_auth_san_uri" => Err(bad(member, "a URI", value)),
            _ if plain && value.contains('@') => Ok(Self::Email(value.to_owned())),
            _ => Err(bad(member, "a mail address", value)),
        }
    }
}

fn algorithm(member: &'static str, name: &str) -> Result<Algorithm, BadMember> {
    let names = jose::algorithm::Names(&Algorithm::ALL);
    Algorithm::parse(name).ok_or_else(|| bad(member, &names.to_string(), name))
}

fn optional(member: &'static str, name: Option<&str>) -> Result<Option<Algorithm>, BadMember> {
    name.map(|name| algorithm(member, name)).transpose()
}

pub(crate) fn bad(member: &'static str, expected: &str, got: &str) -> BadMember {
    BadMember { member, expected: expected.to_owned(), got: got.chars().take(200).collect() }
}
