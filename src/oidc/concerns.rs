//! What whoever approves a registration should look at: nothing of it is forbidden, all of it has been somebody's hole.

use std::collections::BTreeSet;

use url::Url;

use crate::client::{ClientKeys, GrantType};
use crate::redirect_uri::ApplicationType;
use crate::{Client, scope};

/// From this many scopes on it is asked whether all of them are needed.
const SCOPES_MANY_COUNT: usize = 6;

/// Something to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Requests without PKCE are taken (RFC 9700, 2.1.1).
    PkceWaived,
    /// An ID token comes back through the browser (OIDC Core, 3.3; RFC 9700, 2.1.2).
    HybridFlow,
    /// Nobody can tell it from another that uses its identifier (RFC 6749, 2.1).
    PublicClient,
    /// Answers go over plain HTTP to the person's own machine (RFC 8252, 7.3).
    Loopback,
    /// Answers go to a scheme that any program on a device can claim (RFC 8252, 7.1 and 8.6).
    PrivateScheme,
    /// Answers go to more than one host.
    SeveralHosts,
    /// Its keys, or what it is told of logouts, are at a host that answers do not go to.
    OtherHost,
    /// It may ask for much.
    ManyScopes,
    /// It learns who people are by their number, or how to reach them.
    PersonalData,
    /// It goes on when people are away.
    OfflineAccess,
    /// Codes that people type elsewhere can be asked of them by strangers (RFC 8628, 5.4).
    DeviceCodes,
    /// It acts for itself, with nobody in front of it.
    ActsForItself,
    /// People are not asked.
    FirstParty,
}

impl Concern {
    /// Every concern.
    pub const ALL: [Self; 13] = [
        Self::PkceWaived,
        Self::HybridFlow,
        Self::PublicClient,
        Self::Loopback,
        Self::PrivateScheme,
        Self::SeveralHosts,
        Self::OtherHost,
        Self::ManyScopes,
        Self::PersonalData,
        Self::OfflineAccess,
        Self::DeviceCodes,
        Self::ActsForItself,
        Self::FirstParty,
    ];

    /// A short name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PkceWaived => "pkce-waived",
            Self::HybridFlow => "hybrid-flow",
            Self::PublicClient => "public-client",
            Self::Loopback => "loopback",
            Self::PrivateScheme => "private-scheme",
            Self::SeveralHosts => "several-hosts",
            Self::OtherHost => "other-host",
            Self::ManyScopes => "many-scopes",
            Self::PersonalData => "personal-data",
            Self::OfflineAccess => "offline-access",
            Self::DeviceCodes => "device-codes",
            Self::ActsForItself => "acts-for-itself",
            Self::FirstParty => "first-party",
        }
    }

    fn holds(self, client: &Client) -> bool {
        let has = |token| client.scopes.contains(token);
        match self {
            Self::PkceWaived => client.requests.pkce_waived,
            Self::HybridFlow => client.requests.hybrid,
            Self::PublicClient => !client.is_confidential(),
            Self::Loopback => addresses(client).any(|url| url.scheme() == "http"),
            Self::PrivateScheme => {
                client.application_type == ApplicationType::Native
                    && addresses(client).any(|url| !matches!(url.scheme(), "http" | "https"))
            }
            Self::SeveralHosts => hosts(client).len() > 1,
            Self::OtherHost => {
                let known = hosts(client);
                let elsewhere =
                    |url: Url| !known.is_empty() && host(&url).is_some_and(|h| !known.contains(&h));
                told_at(client).any(elsewhere)
            }
            Self::ManyScopes => client.scopes.iter().count() >= SCOPES_MANY_COUNT,
            Self::PersonalData => [scope::REAL_NAME, scope::PHONE, scope::ADDRESS].into_iter().any(has),
            Self::OfflineAccess => has(scope::OFFLINE_ACCESS),
            Self::DeviceCodes => client.may_use(GrantType::DeviceCode),
            Self::ActsForItself => {
                client.may_use(GrantType::ClientCredentials) || client.may_use(GrantType::TokenExchange)
            }
            Self::FirstParty => client.is_first_party(),
        }
    }
}

/// What there is to look at in what `client` registers.
pub fn of(client: &Client) -> Vec<Concern> {
    Concern::ALL.into_iter().filter(|concern| concern.holds(client)).collect()
}

fn addresses(client: &Client) -> impl Iterator<Item = Url> {
    client.redirect_uris.iter().filter_map(|uri| Url::parse(uri).ok())
}

fn hosts(client: &Client) -> BTreeSet<String> {
    addresses(client).filter_map(|url| host(&url)).collect()
}

/// The host in an address; the three names of the person's own machine are one.
fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let own = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    Some(if own { "localhost".to_owned() } else { host.to_owned() })
}

fn told_at(client: &Client) -> impl Iterator<Item = Url> {
    let keys = match &client.keys {
        ClientKeys::At(url) => Some(url.clone()),
        ClientKeys::None | ClientKeys::Given { .. } => None,
    };
    let back = client.back_channel.as_ref().and_then(|channel| Url::parse(&channel.uri).ok());
    let front = client.front_channel.as_ref().and_then(|channel| Url::parse(&channel.uri).ok());
    [keys, back, front].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registration;

    fn found(change: impl FnOnce(&mut Registration)) -> Vec<Concern> {
        let mut registration = Registration {
            redirect_uris: vec!["https://app.example/callback".to_owned()],
            ..Registration::default()
        };
        change(&mut registration);
        of(&registration.to_client("tax-web").unwrap())
    }

    #[test]
    fn an_ordinary_application_raises_no_concern() {
        assert_eq!(found(|_| {}), []);
        assert_eq!(found(|r| r.backchannel_logout_uri = Some("https://app.example/out".to_owned())), []);
    }

    #[test]
    fn each_concern_is_seen_where_it_is_and_nowhere_else() {
        use Concern as C;
        let uris = |r: &mut Registration, uris: &[&str]| {
            r.redirect_uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        };
        assert_eq!(found(|r| r.require_pkce = false), [C::PkceWaived]);
        assert_eq!(found(|r| r.response_types.push("code id_token".to_owned())), [C::HybridFlow]);
        assert_eq!(found(|r| r.token_endpoint_auth_method = "none".to_owned()), [C::PublicClient]);
        assert_eq!(found(|r| uris(r, &["http://127.0.0.1/cb", "http://localhost:3000/cb"])), [C::Loopback]);
        assert_eq!(
            found(|r| {
                r.application_type = ApplicationType::Native;
                uris(r, &["cn.example.app:/cb"]);
            }),
            [C::PrivateScheme]
        );
        assert_eq!(found(|r| uris(r, &["https://a.example/cb", "https://b.example/cb"])), [C::SeveralHosts]);
        for elsewhere in ["https://cdn.example/x", "http://localhost/x"] {
            assert_eq!(found(|r| r.jwks_uri = Some(elsewhere.to_owned())), [C::OtherHost]);
            assert_eq!(found(|r| r.backchannel_logout_uri = Some(elsewhere.to_owned())), [C::OtherHost]);
            assert_eq!(found(|r| r.frontchannel_logout_uri = Some(elsewhere.to_owned())), [C::OtherHost]);
        }
        assert_eq!(found(|r| r.scope = "openid profile a b c".to_owned()), []);
        assert_eq!(found(|r| r.scope = "openid profile a b c d".to_owned()), [C::ManyScopes]);
        assert_eq!(found(|r| r.scope = "openid real_name".to_owned()), [C::PersonalData]);
        assert_eq!(found(|r| r.scope = "openid offline_access".to_owned()), [C::OfflineAccess]);
        let grant =
            |grant: GrantType| move |r: &mut Registration| r.grant_types.push(grant.as_str().to_owned());
        assert_eq!(found(grant(GrantType::DeviceCode)), [C::DeviceCodes]);
        assert_eq!(found(grant(GrantType::ClientCredentials)), [C::ActsForItself]);
        assert_eq!(found(|r| r.first_party = true), [C::FirstParty]);
    }
}
