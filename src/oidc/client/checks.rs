//! Whether a registration holds together.

use super::{
    AuthMethod, CLIENT_NAME_MAX_CHARS, CLIENT_URI_MAX_BYTES, CLIENT_URIS_MAX_COUNT, Client, ClientKeys,
    GrantType, hides_or_reorders,
};
use crate::ciba::Delivery;
use crate::encryption::Encryption;
use crate::jwt_bearer::{ISSUERS_MAX_COUNT, is_good};
use crate::mtls::CERTIFICATE_MEMBERS;
use crate::redirect_uri::{BadRedirectUri, check_registration};
use crate::scope::{OFFLINE_ACCESS, OPENID};

/// Why a registration is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// A name is empty, too long or has characters that are not seen.
    #[error("expected a name of 1 to {CLIENT_NAME_MAX_CHARS} printable characters, got `{0}`")]
    Name(String),
    /// A URI cannot be a redirect URI.
    #[error("{uri_list}: {problem}")]
    RedirectUri {
        /// `redirect_uris` or `post_logout_redirect_uris`.
        uri_list: &'static str,
        /// What is wrong with it.
        problem: BadRedirectUri,
    },
    /// More than [`CLIENT_URIS_MAX_COUNT`] URIs in a list.
    #[error("expected at most {CLIENT_URIS_MAX_COUNT} `{0}`")]
    TooManyUris(&'static str),
    /// An application that logs people in has nowhere to send them back to.
    #[error("grant `authorization_code` needs at least one redirect URI")]
    NoRedirectUri,
    /// A confidential client without a secret, or a public one with.
    #[error("method `{0}` needs a secret, and `none` must not have one")]
    Secret(&'static str),
    /// A client that signs, without keys to verify it with.
    #[error(
        "methods `private_key_jwt` and `self_signed_tls_client_auth` and signed requests need `jwks` or `jwks_uri`"
    )]
    Keys,
    /// A client that wants something encrypted, without a key to encrypt it to.
    #[error("{member}: expected a key for `{alg}` in `jwks`, or `jwks_uri`")]
    EncryptionKey {
        /// The member that asks for it.
        member: &'static str,
        /// With what.
        alg: jose::jwe::KeyManagement,
    },
    /// A client that authenticates with an authority's certificate, without saying what it names; or another one that says so.
    #[error("method `tls_client_auth` needs exactly one of {}, and no other method has any", CERTIFICATE_MEMBERS.join(", "))]
    CertificateSubject,
    /// PKCE waived for a client that anybody can pretend to be.
    #[error("require_pkce: expected `true` for a client that does not authenticate")]
    Pkce,
    /// An address that is loaded or called is not https.
    #[error("{member}: expected an https URL without a fragment, got `{got}`")]
    Address {
        /// The member's name.
        member: &'static str,
        /// What came.
        got: String,
    },
    /// Issuers of assertions that cannot be told apart or verified.
    #[error(
        "assertion_issuers: expected at most {ISSUERS_MAX_COUNT} with distinct `iss`, each with `jwks` or `jwks_uri`"
    )]
    AssertionIssuers,
    /// A grant that this kind of client cannot use.
    #[error("grant `{grant}` needs {needs}")]
    Grant {
        /// The grant.
        grant: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// An audience is not an absolute URI without a fragment (RFC 8707, 2).
    #[error("expected audiences to be absolute URIs without a fragment, got `{0}`")]
    Audience(String),
}

impl Client {
    /// Whether the registration holds together; run before it is stored.
    ///
    /// Source: RFC 6749, 2 and 3.1.2; RFC 8252, 7; RFC 9700, 2.1; OIDC Dynamic Registration 1.0, 2.
    pub fn check_registration(&self) -> Result<(), BadRegistration> {
        self.check_name()?;
        self.check_uris("redirect_uris", &self.redirect_uris)?;
        self.check_uris("post_logout_redirect_uris", &self.post_logout_redirect_uris)?;
        self.check_secret()?;
        self.check_keys()?;
        self.check_certificate()?;
        self.check_addresses()?;
        self.check_grants()?;
        self.check_audiences()
    }

    fn check_name(&self) -> Result<(), BadRegistration> {
        for name in [&self.name.zh, &self.name.en] {
            let length = name.chars().count();
            let printable = !name.trim().is_empty() && !name.chars().any(hides_or_reorders);
            if !printable || length > CLIENT_NAME_MAX_CHARS {
                return Err(BadRegistration::Name(name.chars().take(CLIENT_NAME_MAX_CHARS).collect()));
            }
        }
        Ok(())
    }

    fn check_uris(&self, uri_list: &'static str, uris: &[String]) -> Result<(), BadRegistration> {
        if uris.len() > CLIENT_URIS_MAX_COUNT {
            return Err(BadRegistration::TooManyUris(uri_list));
        }
        uris.iter()
            .try_for_each(|uri| check_registration(uri, self.application_type))
            .map_err(|problem| BadRegistration::RedirectUri { uri_list, problem })
    }

    fn check_secret(&self) -> Result<(), BadRegistration> {
        if self.auth_method.has_secret() == self.secret_hash.is_some() {
            Ok(())
        } else {
            Err(BadRegistration::Secret(self.auth_method.as_str()))
        }
    }

    fn check_keys(&self) -> Result<(), BadRegistration> {
        let has_keys =
            matches!(self.auth_method, AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth);
        let signs = has_keys || self.requests.signed_only;
        if self.requests.pkce_waived && !self.is_confidential() {
            return Err(BadRegistration::Pkce);
        }
        if signs && matches!(self.keys, ClientKeys::None) {
            return Err(BadRegistration::Keys);
        }
        let lacks = |(_, wanted): &(&'static str, Encryption)| match &self.keys {
            ClientKeys::None => true,
            ClientKeys::Given { encryption, .. } => wanted.recipient(encryption).is_none(),
            // What is published there may be another key tomorrow: it is looked at when it is used.
            ClientKeys::At(_) => false,
        };
        match self.encryptions.each().find(lacks) {
            Some((member, wanted)) => Err(BadRegistration::EncryptionKey { member, alg: wanted.alg }),
            None => Ok(()),
        }
    }

    fn check_certificate(&self) -> Result<(), BadRegistration> {
        let named = self.certificate_subject.is_some();
        if named == (self.auth_method == AuthMethod::TlsClientAuth) {
            Ok(())
        } else {
            Err(BadRegistration::CertificateSubject)
        }
    }

    fn check_addresses(&self) -> Result<(), BadRegistration> {
        let front = self.front_channel.as_ref().map(|c| ("frontchannel_logout_uri", &c.uri));
        let back = self.back_channel.as_ref().map(|c| ("backchannel_logout_uri", &c.uri));
        let initiate = self.initiate_login_uri.as_ref().map(|uri| ("initiate_login_uri", uri));
        let ping = match &self.ciba {
            Delivery::Ping { uri } => Some(("backchannel_client_notification_endpoint", uri)),
            Delivery::Poll => None,
        };
        for (member, uri) in [front, back, initiate, ping].into_iter().flatten() {
            let good = uri.len() <= CLIENT_URI_MAX_BYTES
                && !uri.contains('#')
                && url::Url::parse(uri).is_ok_and(|url| match member {
                    // OIDC Core, 4: https without exception.
                    "initiate_login_uri" => url.scheme() == "https",
                    _ => crate::redirect_uri::is_https_or_loopback(&url),
                });
            if !good {
                return Err(BadRegistration::Address { member, got: uri.chars().take(200).collect() });
            }
        }
        Ok(())
    }

    fn check_grants(&self) -> Result<(), BadRegistration> {
        let lacks = |grant: GrantType, needs| Err(BadRegistration::Grant { grant: grant.as_str(), needs });
        if self.may_use(GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            return Err(BadRegistration::NoRedirectUri);
        }
        let from_persons = self.grant_types.iter().any(|grant| grant.is_a_persons());
        if self.may_use(GrantType::RefreshToken) && !from_persons {
            return lacks(GrantType::RefreshToken, "a grant beside it that a person gives");
        }
        let for_known =
            [GrantType::ClientCredentials, GrantType::TokenExchange, GrantType::JwtBearer, GrantType::Ciba];
        if let Some(grant) =
            for_known.into_iter().find(|grant| self.may_use(*grant) && !self.is_confidential())
        {
            return lacks(grant, "a client that authenticates");
        }
        if self.may_use(GrantType::TokenExchange) && self.audiences.is_empty() {
            return lacks(GrantType::TokenExchange, "`audiences` that the new tokens may be for");
        }
        let issuers = &self.assertion_issuers;
        if self.may_use(GrantType::JwtBearer) && issuers.is_empty() {
            return lacks(GrantType::JwtBearer, "`assertion_issuers`, which administrators register");
        }
        let distinct =
            issuers.iter().enumerate().all(|(n, one)| issuers.iter().take(n).all(|o| o.iss != one.iss));
        if issuers.len() > ISSUERS_MAX_COUNT || !distinct || !issuers.iter().all(is_good) {
            return Err(BadRegistration::AssertionIssuers);
        }
        if self.scopes.contains(OFFLINE_ACCESS) && !self.may_use(GrantType::RefreshToken) {
            return lacks(GrantType::RefreshToken, "to be registered for scope `offline_access`");
        }
        if self.scopes.contains(OPENID) && !from_persons {
            return lacks(GrantType::AuthorizationCode, "to be registered for scope `openid`");
        }
        Ok(())
    }

    fn check_audiences(&self) -> Result<(), BadRegistration> {
        if self.audiences.len() > CLIENT_URIS_MAX_COUNT {
            return Err(BadRegistration::TooManyUris("audiences"));
        }
        let good = |uri: &String| url::Url::parse(uri).is_ok() && !uri.contains('#');
        match self.audiences.iter().find(|uri| !good(uri)) {
            Some(bad) => Err(BadRegistration::Audience(bad.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn refusal(change: impl FnOnce(&mut Client)) -> BadRegistration {
        let mut client = example::web_client();
        change(&mut client);
        client.check_registration().unwrap_err()
    }

    #[test]
    fn the_examples_are_good_registrations() {
        for client in [example::web_client(), example::native_client(), example::machine_client()] {
            assert_eq!(client.check_registration(), Ok(()), "{}", client.id);
        }
    }

    #[test]
    fn a_registration_that_does_not_hold_together_is_refused() {
        use BadRegistration as Bad;
        assert!(matches!(refusal(|c| c.name.en = " ".into()), Bad::Name(_)));
        for unseen in ['\u{202e}', '\u{200b}', '\u{ad}', '\u{3164}', '\u{fe0f}', '\u{e0041}', '\u{7}'] {
            let refused = refusal(|c| c.name.zh = format!("印{unseen}信"));
            assert!(matches!(refused, Bad::Name(_)), "{unseen:?}");
        }
        assert!(matches!(
            refusal(|c| c.redirect_uris = vec!["javascript:x".into()]),
            Bad::RedirectUri { .. }
        ));
        let evil = vec!["https://app.example/*".into()];
        assert!(matches!(
            refusal(|c| c.post_logout_redirect_uris = evil),
            Bad::RedirectUri { uri_list: "post_logout_redirect_uris", problem: BadRedirectUri::Wildcard(_) }
        ));
        assert_eq!(refusal(|c| c.redirect_uris.clear()), Bad::NoRedirectUri);
        let many = vec!["https://app.example/cb".to_owned(); 33];
        assert_eq!(refusal(|c| c.redirect_uris = many), Bad::TooManyUris("redirect_uris"));
        assert_eq!(refusal(|c| c.secret_hash = None), Bad::Secret("client_secret_basic"));
        assert_eq!(refusal(|c| c.auth_method = AuthMethod::None), Bad::Secret("none"));
        assert!(matches!(
            refusal(|c| {
                c.auth_method = AuthMethod::None;
                c.secret_hash = None;
                c.grant_types.push(GrantType::ClientCredentials);
            }),
            Bad::Grant { grant: "client_credentials", .. }
        ));
        assert!(matches!(
            refusal(|c| c.grant_types = vec![GrantType::AuthorizationCode]),
            Bad::Grant { grant: "refresh_token", .. }
        ));
        assert!(matches!(refusal(|c| c.audiences = vec!["api".into()]), Bad::Audience(_)));
        assert!(matches!(refusal(|c| c.audiences = vec!["https://api.example/#x".into()]), Bad::Audience(_)));
    }
}
