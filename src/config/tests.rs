//! What the operator sets, and what is refused.

use super::*;

fn listening(address: &str) -> ServeFlags {
    ServeFlags { listen: vec![address.parse().unwrap()], ..ServeFlags::default() }
}

#[test]
fn without_anything_it_serves_loopback_in_plain() {
    let config = Config::read(ServeFlags::default()).unwrap();
    assert_eq!(config.issuer.as_str(), "http://localhost:8080");
    assert!(config.listen.iter().all(|a| a.ip().is_loopback()));
    assert_eq!((config.listen.len(), config.tls), (2, Tls::Off));
}

#[test]
fn on_any_other_address_it_insists_on_tls() {
    for open in ["0.0.0.0:8443", "[::]:8443", "192.0.2.1:8443"] {
        let refused = Config::read(listening(open)).unwrap_err().to_string();
        assert!(refused.contains("plain HTTP is for loopback only"), "{refused}");
    }
    let with_tls = ServeFlags { tls_certificate: Some("built-in".into()), ..listening("0.0.0.0:8443") };
    assert_eq!(Config::read(with_tls.clone()).unwrap().issuer.as_str(), "https://localhost:8443");
    let with_sample = ServeFlags { demo: true, ..with_tls };
    assert!(Config::read(with_sample).unwrap_err().to_string().contains("sample province"));
}

#[test]
fn token_keys_are_published_for_an_hour_at_least_and_never_longer_than_half_their_turn() {
    let with = |days, hours| {
        let flags = ServeFlags {
            token_key_rotation_days: days,
            token_key_announce_hours: hours,
            ..ServeFlags::default()
        };
        Config::read(flags).map(|config| config.token_keys).map_err(|e| e.to_string())
    };
    assert_eq!(with(None, None), with(Some(90), Some(24)));
    assert!(with(Some(1), Some(12)).is_ok() && with(Some(730), None).is_ok());
    for (days, hours) in [(Some(0), None), (Some(731), None), (None, Some(0)), (Some(1), Some(13))] {
        let refused = with(days, hours).unwrap_err();
        assert!(refused.contains("token_key_"), "{refused}");
    }
}

#[test]
fn clients_are_asked_for_certificates_at_an_address_of_its_own() {
    let taken_at = |flags: ServeFlags| Config::read(flags).map(|config| config.certificates.taken_at);
    let base = |text: &str| TakenAt::Base(text.parse().unwrap());
    let at =
        |address: &str| ServeFlags { mtls_listen: vec![address.parse().unwrap()], ..ServeFlags::default() };
    assert_eq!(taken_at(ServeFlags::default()).unwrap(), TakenAt::Nowhere);
    assert_eq!(taken_at(at("127.0.0.1:8443")).unwrap(), base("https://localhost:8443"));
    assert_eq!(taken_at(at("0.0.0.0:8443")).unwrap(), base("https://localhost:8443"), "it speaks TLS");
    assert!(taken_at(ServeFlags { demo: true, ..at("0.0.0.0:8443") }).is_err());
    let named = Some("https://mtls.example".to_owned());
    let flags = ServeFlags { mtls_url: named.clone(), ..at("127.0.0.1:8443") };
    assert_eq!(taken_at(flags).unwrap(), base("https://mtls.example"));
    let alone = ServeFlags { mtls_url: named, ..ServeFlags::default() };
    assert!(taken_at(alone.clone()).unwrap_err().to_string().contains("`trusted_proxies`"));
    let proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let behind = ServeFlags { trusted_proxies: proxies.clone(), ..alone };
    assert_eq!(taken_at(behind).unwrap(), base("https://mtls.example"));
    let behind = ServeFlags { trusted_proxies: proxies, ..ServeFlags::default() };
    assert_eq!(Config::read(behind.clone()).unwrap().certificates.header, "client-cert");
    assert_eq!(taken_at(behind).unwrap(), TakenAt::TheIssuer);
    let header = Some("X-Cert\n".to_owned());
    assert!(taken_at(ServeFlags { client_certificate_header: header, ..ServeFlags::default() }).is_err());
}

#[test]
fn proxies_are_believed_where_a_request_comes_from_when_they_are_named() {
    let alone = Config::read(ServeFlags::default()).unwrap();
    assert!(alone.forwarding.proxies.is_empty(), "nobody, until the operator says whom");
    let behind =
        ServeFlags { address_proxies: vec!["10.20.0.1/32".parse().unwrap()], ..ServeFlags::default() };
    let behind = Config::read(behind).unwrap();
    assert_eq!((behind.forwarding.proxies.len(), behind.forwarding.header.as_str()), (1, "x-forwarded-for"));
    assert_eq!(behind.certificates.taken_at, TakenAt::Nowhere, "they are not asked for certificates");
    let odd = ServeFlags { address_header: Some("X Real\n".to_owned()), ..ServeFlags::default() };
    assert!(Config::read(odd).unwrap_err().to_string().contains("address_header: "));
}

#[test]
fn one_network_gets_a_tenth_of_the_connections_or_what_the_operator_says() {
    let share = |given| {
        let flags = ServeFlags { connections_per_network: given, ..ServeFlags::default() };
        Config::read(flags).map(|config| config.connections_per_network).map_err(|e| e.to_string())
    };
    assert_eq!((share(None), share(Some(10_000))), (Ok(1_000), Ok(10_000)));
    for wrong in [0, 10_001] {
        let refused = share(Some(wrong)).unwrap_err();
        assert!(refused.contains("expected 1 to 10000"), "{refused}");
    }
}

#[test]
fn half_a_tls_configuration_and_an_unknown_key_are_refused() {
    let half = ServeFlags { tls_certificate: Some("chain.pem".into()), ..ServeFlags::default() };
    assert!(Config::read(half).unwrap_err().to_string().contains("go together"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("yinxin.toml");
    std::fs::write(&path, "isuer = \"http://localhost:1\"\n").unwrap();
    let flags = ServeFlags { config: Some(path), ..ServeFlags::default() };
    assert!(Config::read(flags).unwrap_err().to_string().contains("isuer"));
}

#[test]
fn how_logins_end_is_read_from_flags_and_file() {
    let flags =
        ServeFlags { session_idle_minutes: Some(30), sessions_per_person: Some(3), ..ServeFlags::default() };
    let limits = SessionLimits::new(Some(30), Some(3)).unwrap();
    assert_eq!(Config::read(flags).unwrap().sessions, limits);
    assert_eq!(with_file("session_idle_minutes = 30\nsessions_per_person = 3").unwrap().sessions, limits);
    assert_eq!(with_file("").unwrap().sessions, SessionLimits::default());
    assert!(with_file("session_idle_minutes = 5").unwrap_err().contains("session_idle_minutes: expected"));
    assert!(with_file("sessions_per_person = 0").unwrap_err().contains("sessions_per_person: expected"));
}

fn with_file(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("yinxin.toml");
    std::fs::write(&path, text.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
    std::fs::write(folder.path().join("none.json"), r#"{"keys":[]}"#).unwrap();
    std::fs::write(folder.path().join("secret.json"), r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#).unwrap();
    Config::read(ServeFlags { config: Some(path), ..ServeFlags::default() }).map_err(|e| e.to_string())
}

#[test]
fn who_may_vouch_for_software_is_named_with_keys_and_within_what_software_may_have() {
    let entry = "[[software_statement_issuer]]\nissuer = \"https://directory.example\"\n";
    let good = format!(
        "{entry}jwks_uri = \"https://directory.example/keys\"\nscopes = [\"openid\", \"real_name\"]\n"
    );
    let config = with_file(&format!("software_statements_required = true\n{good}")).unwrap();
    assert!(config.registration.statements_required);
    assert_eq!(config.registration.statement_issuers[0].scopes, ["openid", "real_name"]);
    assert!(!with_file("").unwrap().registration.statements_required);
    for (text, why) in [
        (entry.to_owned(), "expected `jwks`"),
        (format!("{good}{good}"), "each issuer once"),
        (format!("{good}key = 1\n"), "key"),
        (format!("{entry}jwks_uri = \"http://directory.example/keys\"\n"), "https URL"),
        (format!("{entry}jwks = \"FOLDER/absent.json\"\n"), "absent.json"),
        (format!("{entry}jwks = \"FOLDER/secret.json\"\n"), "jwks"),
        (
            format!("{entry}jwks = \"FOLDER/none.json\"\njwks_uri = \"https://directory.example/k\"\n"),
            "nothing beside",
        ),
        (good.replace("real_name", "seal:use"), "scopes"),
        (format!("{good}members = [\"first_party\"]\n"), "members"),
        (format!("{good}max_age_days = 0\n"), "max_age_days"),
        ("software_statements_required = true\n".to_owned(), "nobody could make one"),
    ] {
        let refused = with_file(&text).unwrap_err();
        assert!(refused.contains(why), "{why}: {refused}");
    }
}

#[test]
fn documents_register_clients_only_where_the_operator_says_so() {
    let documents = |text: &str| with_file(text).map(|config| config.registration.documents);
    assert_eq!(documents(""), Ok(Documents::Off));
    assert_eq!(documents("client_id_metadata_documents = true"), Ok(Documents::Anywhere));
    let hosts = "client_id_metadata_documents = true\nclient_id_metadata_hosts = [\"apps.example\"]";
    assert_eq!(documents(hosts), Ok(Documents::At(vec!["apps.example".to_owned()])));
    for bad in ["Apps.example", "apps.example:8443", "https://apps.example", "*.example", "10.0.0.1", ""] {
        assert!(documents(&hosts.replace("apps.example", bad)).is_err(), "{bad}");
    }
    assert!(documents("client_id_metadata_hosts = [\"apps.example\"]").is_err());
}
