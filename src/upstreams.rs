//! The tables `[[upstream]]`: providers through which people may log in.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base::Secret;
use flows::upstreams::{Authentication, Strangers, UPSTREAMS_MAX, Upstream, UpstreamSettings, Upstreams};
use identity::upstream::{Attributes, Rules};
use identity::{Assurance, RealNameLevel};
use serde::Deserialize;

use crate::StartError;

const NAME_MAX_CHARS: usize = 40;
const CLIENT_ID_MAX_BYTES: usize = 256;
const SCOPES_MAX: usize = 20;

/// A table as the file has it.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    id: String,
    name_zh: String,
    name_en: String,
    issuer: String,
    client_id: String,
    /// The usual is `private_key_jwt`; with a secret it is `client_secret_basic`.
    client_auth: Option<String>,
    client_secret_file: Option<PathBuf>,
    #[serde(default)]
    scopes: Vec<String>,
    /// `link` or `create`.
    accounts: Option<String>,
    #[serde(default)]
    attributes: AttributesTable,
    /// Their `acr` values, and ours.
    #[serde(default)]
    assurance: BTreeMap<String, String>,
    assurance_max: Option<String>,
    real_name: Option<RealNameTable>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
struct AttributesTable {
    user_name: Option<String>,
    name: Option<String>,
    id_number: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RealNameTable {
    claim: String,
    /// Their values, and ours.
    levels: BTreeMap<String, String>,
    max: String,
}

/// A provider, and where the secret is that we show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredUpstream {
    /// What the operator says of it.
    pub settings: UpstreamSettings,
    /// The file with the secret; without one we show the key that signs our tokens.
    pub secret_file: Option<PathBuf>,
}

/// Settles the tables.
pub(crate) fn read(tables: Vec<Table>) -> Result<Vec<ConfiguredUpstream>, StartError> {
    if tables.len() > UPSTREAMS_MAX {
        let message = format!("upstream: expected at most {UPSTREAMS_MAX} tables, got {}", tables.len());
        return Err(StartError::Configuration(message));
    }
    let mut upstreams: Vec<ConfiguredUpstream> = Vec::new();
    for table in tables {
        let id = table.id.clone();
        let wrong = |why: String| StartError::Configuration(format!("upstream `{id}`: {why}"));
        let upstream = settle(table).map_err(wrong)?;
        let is_same = |other: &&ConfiguredUpstream| {
            other.settings.id == upstream.settings.id || other.settings.issuer == upstream.settings.issuer
        };
        if let Some(other) = upstreams.iter().find(is_same) {
            // Who somebody is at an issuer is linked once, whatever we call it.
            return Err(wrong(format!("has the id or the issuer of `{}`", other.settings.id.as_str())));
        }
        upstreams.push(upstream);
    }
    Ok(upstreams)
}

fn settle(table: Table) -> Result<ConfiguredUpstream, String> {
    let name = |key: &str, text: String| {
        let good = !text.trim().is_empty() && text.chars().count() <= NAME_MAX_CHARS;
        good.then_some(text).ok_or_else(|| format!("{key}: expected 1 to {NAME_MAX_CHARS} characters"))
    };
    let rules = Rules {
        attributes: attributes(table.attributes),
        assurance: named(table.assurance, "assurance", assurance)?,
        assurance_max: assurance_max(table.assurance_max)?,
        ..real_name(table.real_name)?
    };
    if table.client_id.is_empty() || table.client_id.len() > CLIENT_ID_MAX_BYTES {
        return Err(format!("client_id: expected 1 to {CLIENT_ID_MAX_BYTES} bytes"));
    }
    let settings = UpstreamSettings {
        id: table.id.parse().map_err(|why| format!("id: {why}"))?,
        name_zh: name("name_zh", table.name_zh)?,
        name_en: name("name_en", table.name_en)?,
        issuer: table.issuer.parse().map_err(|why| format!("issuer: {why}"))?,
        client_id: table.client_id,
        scopes: scopes(table.scopes)?,
        strangers: strangers(table.accounts.as_deref())?,
        rules,
    };
    let secret_file = match (table.client_auth.as_deref(), table.client_secret_file) {
        (None | Some("private_key_jwt"), None) => None,
        (None | Some("client_secret_basic"), Some(file)) => Some(file),
        (Some("client_secret_basic"), None) => {
            return Err("client_auth: `client_secret_basic` needs `client_secret_file`".to_owned());
        }
        (Some("private_key_jwt"), Some(_)) => {
            return Err(
                "client_auth: `private_key_jwt` has no secret: leave `client_secret_file` out".to_owned()
            );
        }
        (Some(other), _) => {
            return Err(format!(
                "client_auth: expected `private_key_jwt` or `client_secret_basic`, got `{other}`"
            ));
        }
    };
    Ok(ConfiguredUpstream { settings, secret_file })
}

fn attributes(table: AttributesTable) -> Attributes {
    let AttributesTable { user_name, name, id_number, email, phone } = table;
    Attributes { user_name, name, id_number, email, phone }
}

fn scopes(scopes: Vec<String>) -> Result<Vec<String>, String> {
    // RFC 6749, 3.3.
    let good = |scope: &&String| {
        !scope.is_empty() && scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    if scopes.len() > SCOPES_MAX || scopes.iter().any(|scope| !good(&scope)) {
        return Err(format!("scopes: expected at most {SCOPES_MAX} scope names without spaces"));
    }
    // It is asked for in any case.
    Ok(scopes.into_iter().filter(|scope| scope != "openid").collect())
}

fn strangers(accounts: Option<&str>) -> Result<Strangers, String> {
    match accounts {
        None | Some("link") => Ok(Strangers::Link),
        Some("create") => Ok(Strangers::Create),
        Some(other) => Err(format!("accounts: expected `link` or `create`, got `{other}`")),
    }
}

fn assurance(text: &str) -> Result<Assurance, String> {
    let names = Assurance::ALL.map(Assurance::as_str).join("`, `");
    Assurance::parse(text).ok_or_else(|| format!("expected one of `{names}`, got `{text}`"))
}

fn assurance_max(text: Option<String>) -> Result<Assurance, String> {
    let usual = Rules::default().assurance_max;
    text.map_or(Ok(usual), |text| assurance(&text)).map_err(|why| format!("assurance_max: {why}"))
}

fn level(text: &str) -> Result<RealNameLevel, String> {
    let names: Vec<_> = RealNameLevel::ALL.iter().map(|level| level.as_str()).collect();
    RealNameLevel::parse(text)
        .ok_or_else(|| format!("expected one of `{}`, got `{text}`", names.join("`, `")))
}

fn real_name(table: Option<RealNameTable>) -> Result<Rules, String> {
    let Some(table) = table else { return Ok(Rules::default()) };
    Ok(Rules {
        real_name_claim: Some(table.claim),
        real_name: named(table.levels, "real_name.levels", level)?,
        real_name_max: level(&table.max).map_err(|why| format!("real_name.max: {why}"))?,
        ..Rules::default()
    })
}

fn named<T>(
    table: BTreeMap<String, String>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, String> {
    let read = |(theirs, ours): (String, String)| {
        let ours = parse(&ours).map_err(|why| format!("{key}.{theirs}: {why}"))?;
        Ok((theirs, ours))
    };
    table.into_iter().map(read).collect()
}

/// Opens the files with the secrets.
pub(crate) fn open(configured: &[ConfiguredUpstream]) -> Result<Upstreams, StartError> {
    let open = |upstream: &ConfiguredUpstream| {
        let authentication = match &upstream.secret_file {
            None => Authentication::PrivateKeyJwt,
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|source| StartError::File {
                    what: "file with an upstream provider's secret",
                    path: path.clone(),
                    source,
                })?;
                let text = Secret::new(text);
                let secret = text.expose().trim();
                if secret.is_empty() {
                    let message =
                        format!("the file with an upstream provider's secret `{}` is empty", path.display());
                    return Err(StartError::Configuration(message));
                }
                Authentication::ClientSecretBasic(Secret::new(secret.to_owned()))
            }
        };
        Ok(Upstream::new(upstream.settings.clone(), authentication))
    };
    Ok(Upstreams::new(configured.iter().map(open).collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ServeFlags};

    const CITY: &str = r#"
        [[upstream]]
        id = "city"
        name_zh = "市级节点"
        name_en = "City node"
        issuer = "https://id.city.example"
        client_id = "province"
    "#;

    fn configured(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("yinxin.toml");
        std::fs::write(&path, text).unwrap();
        let flags = ServeFlags { config: Some(path), ..ServeFlags::default() };
        Config::read(flags).map_err(|e| e.to_string())
    }

    #[test]
    fn a_provider_without_rules_is_worth_nothing_more_than_the_weakest_login() {
        use flows::upstreams::Strangers;
        use identity::upstream::Rules;
        assert_eq!(configured("").unwrap().upstreams, []);
        let config = configured(CITY).unwrap();
        let [city] = &config.upstreams[..] else { panic!("{config:?}") };
        assert_eq!((city.settings.strangers, &city.secret_file), (Strangers::Link, &None));
        assert_eq!(city.settings.rules, Rules::default());
    }

    #[test]
    fn rules_are_read_with_their_limits() {
        use identity::{Assurance, RealNameLevel};
        let text = format!(
            "{CITY}\nscopes = [\"openid\", \"profile\"]\naccounts = \"create\"\nassurance_max = \"urn:yinxin:loa:2\"\n\
             client_secret_file = \"/run/secrets/city\"\n[upstream.attributes]\nname = \"name\"\n\
             [upstream.assurance]\nhigh = \"urn:yinxin:loa:3\"\n[upstream.real_name]\nclaim = \"level\"\nmax = \"matched\"\n\
             levels = {{ \"2\" = \"in_person\" }}"
        );
        let config = configured(&text).unwrap();
        let rules = &config.upstreams[0].settings.rules;
        assert_eq!(config.upstreams[0].settings.scopes, ["profile"]);
        assert_eq!(rules.attributes.name.as_deref(), Some("name"));
        assert_eq!((rules.assurance["high"], rules.assurance_max), (Assurance::Loa3, Assurance::Loa2));
        assert_eq!(
            (rules.real_name["2"], rules.real_name_max),
            (RealNameLevel::InPerson, RealNameLevel::Matched)
        );
    }

    #[test]
    fn what_is_misspelt_or_cannot_be_is_refused_with_the_providers_name() {
        let refused = |changed: String| configured(&changed).unwrap_err();
        for (text, why) in [
            (format!("{CITY}\nacounts = \"link\""), "acounts"),
            (format!("{CITY}\naccounts = \"guess\""), "expected `link` or `create`"),
            (format!("{CITY}\nclient_auth = \"none\""), "expected `private_key_jwt`"),
            (format!("{CITY}\nclient_auth = \"client_secret_basic\""), "needs `client_secret_file`"),
            (format!("{CITY}\nassurance_max = \"loa5\""), "assurance_max: expected one of"),
            (format!("{CITY}\n[upstream.assurance]\nx = \"y\""), "assurance.x: expected one of"),
            (CITY.replace("https", "http"), "issuer: expected an https URL"),
            (CITY.replace("\"city\"", "\"City/1\""), "small letters, digits"),
            (format!("{CITY}\n{CITY}"), "has the id or the issuer of `city`"),
            (format!("{CITY}\n{}", CITY.replace("\"city\"", "\"other\"")), "has the id or the issuer"),
            (format!("{CITY}\nscopes = [\"a b\"]"), "scopes: expected"),
        ] {
            let refused = refused(text);
            assert!(refused.contains(why), "expected `{why}`: {refused}");
        }
    }
}
