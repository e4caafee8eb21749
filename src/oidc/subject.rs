//! The names under which clients know people: the same for all, or another in each sector (OIDC Core, 8).

use url::Url;

use crate::client::CLIENT_URI_MAX_BYTES;
use crate::redirect_uri::is_https_or_loopback;
use crate::registration::{BadMember, bad};

/// The member that names a sector's list.
pub const SECTOR_IDENTIFIER_URI: &str = "sector_identifier_uri";

/// How clients know people (OIDC Core, 8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SubjectType {
    /// By the account's own name, the same everywhere.
    #[default]
    Public,
    /// By a name that only the clients of one sector share: others cannot tell that they know the same person.
    Pairwise {
        /// The host that stands for them all (OIDC Core, 8.1).
        sector: String,
    },
}

impl SubjectType {
    /// The names in metadata.
    pub const NAMES: [&'static str; 2] = ["public", "pairwise"];

    /// The sector, for who has one.
    pub fn sector(&self) -> Option<&str> {
        match self {
            Self::Public => None,
            Self::Pairwise { sector } => Some(sector),
        }
    }
}

/// The address where a sector's redirect URIs are listed (OIDC Core, 8.1).
pub fn sector_identifier_uri(text: &str) -> Result<Url, BadMember> {
    let good = |url: &Url| url.fragment().is_none() && url.has_host() && is_https_or_loopback(url);
    let url = Url::parse(text).ok().filter(good).filter(|_| text.len() <= CLIENT_URI_MAX_BYTES);
    url.ok_or_else(|| bad(SECTOR_IDENTIFIER_URI, "an https URL without a fragment", text))
}

/// The sector of a client: the host of the list, or else the one host of all its redirect URIs (OIDC Core, 8.1).
pub fn sector(list: Option<&Url>, redirect_uris: &[String]) -> Result<String, BadMember> {
    if let Some(host) = list.and_then(Url::host_str) {
        return Ok(host.to_owned());
    }
    let host = |uri: &String| Url::parse(uri).ok()?.host_str().map(str::to_owned);
    let mut hosts = redirect_uris.iter().map(host);
    let one = hosts.next().flatten().filter(|first| hosts.all(|other| other.as_ref() == Some(first)));
    one.ok_or_else(|| {
        let expected = "one, or redirect URIs of one host, with subject_type `pairwise`";
        bad(SECTOR_IDENTIFIER_URI, expected, "none")
    })
}

/// Whether `document`, found at the sector's address, lists every one of the redirect URIs (OIDC Core, 8.1).
///
/// It is a JSON array of texts; each must be there byte for byte.
pub fn check_list(document: &[u8], redirect_uris: &[String]) -> Result<(), BadMember> {
    let listed: Vec<String> = serde_json::from_slice(document)
        .map_err(|_| bad(SECTOR_IDENTIFIER_URI, "a JSON array of redirect URIs there", "another document"))?;
    match redirect_uris.iter().find(|uri| !listed.contains(uri)) {
        Some(missing) => Err(bad(
            SECTOR_IDENTIFIER_URI,
            "a list with every redirect URI",
            &format!("one without {missing}"),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(uris: &[&str]) -> Vec<String> {
        uris.iter().map(|uri| (*uri).to_owned()).collect()
    }

    #[test]
    fn the_sector_is_the_lists_host_or_the_one_host_of_the_redirect_uris() {
        let list = sector_identifier_uri("https://tax.example/redirect-uris.json").unwrap();
        assert_eq!(
            sector(Some(&list), &uris(&["https://a.example/", "cn.gov.app:/cb"])).unwrap(),
            "tax.example"
        );
        let one = uris(&["https://a.example/cb", "https://a.example:8443/other"]);
        assert_eq!(sector(None, &one).unwrap(), "a.example");
        for none in [&["https://a.example/cb", "https://b.example/cb"][..], &["cn.gov.app:/cb"], &[]] {
            assert!(sector(None, &uris(none)).is_err(), "{none:?}");
        }
    }

    #[test]
    fn a_list_must_be_at_an_https_address_and_have_every_redirect_uri() {
        for bad in ["http://tax.example/", "https://tax.example/#x", "ftp://tax.example", "tax", "data:,[]"] {
            assert!(sector_identifier_uri(bad).is_err(), "{bad}");
        }
        let registered = uris(&["https://a.example/cb", "https://b.example/cb"]);
        let listed = br#"["https://b.example/cb", "https://c.example/", "https://a.example/cb"]"#;
        assert_eq!(check_list(listed, &registered), Ok(()));
        for bad in [
            &br#"["https://a.example/cb"]"#[..],
            br#"["https://a.example/cb", "https://B.example/cb"]"#,
            br#"{"redirect_uris": []}"#,
            b"[1]",
            b"",
        ] {
            assert!(check_list(bad, &registered).is_err());
        }
    }
}
