//! When people who allowed an application something are asked anew, because it is not any more what they said yes to.

use std::collections::BTreeSet;

use base::encoding::base64url;
use serde_json::json;

use crate::registration::Registration;
use crate::scope::Scope;

/// Something was taken out of what may be given.
const NARROWED: &str = "registration narrowed";
/// It is called otherwise, or its answers go elsewhere, and nobody but itself says so.
const ANOTHER: &str = "registration changed by itself";

/// Why what people gave ends when the registration `before` becomes `after`; `None` when it stays.
///
/// Something taken away ends it whoever takes it. What people saw and where their browsers are sent counts for an application that says it of
/// itself alone: what an official changes, another one approved. What concerns nobody's yes (keys, contacts, how tokens look) ends nothing.
pub fn ends_what_was_given(before: &Registration, after: &Registration) -> Option<&'static str> {
    if took_away(before, after) {
        return Some(NARROWED);
    }
    (after.registered_itself && is_another(before, after)).then_some(ANOTHER)
}

fn took_away(before: &Registration, after: &Registration) -> bool {
    let lost = |had: &[String], has: &[String]| had.iter().any(|one| !has.contains(one));
    let scopes = |registration: &Registration| registration.scope.parse::<Scope>().unwrap_or_default();
    lost(&before.grant_types, &after.grant_types)
        || lost(&before.audiences, &after.audiences)
        || lost(&before.authorization_details_types, &after.authorization_details_types)
        || !scopes(after).covers(&scopes(before))
}

/// A digest of what people say yes to: what they see of the application, where their browsers are sent, and what it may be given.
pub fn yes_to(registration: &Registration) -> String {
    let sorted = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    let scopes: BTreeSet<_> = registration.scope.split(' ').collect();
    let may = [
        &registration.grant_types,
        &registration.audiences,
        &registration.authorization_details_types,
        &registration.redirect_uris,
    ];
    let all = json!([shown(registration), scopes, may.map(|list| sorted(list))]);
    base64url(&gm::sm3::hash(all.to_string().as_bytes()))
}

fn is_another(before: &Registration, after: &Registration) -> bool {
    let places = |registration: &Registration| -> BTreeSet<String> {
        registration.redirect_uris.iter().cloned().collect()
    };
    shown(before) != shown(after) || places(before) != places(after)
}

/// What people see.
fn shown(registration: &Registration) -> [Option<&str>; 6] {
    let Registration { name_zh, name_en, client_uri, logo_uri, policy_uri, tos_uri, .. } = registration;
    let [client, logo, policy, tos] = [client_uri, logo_uri, policy_uri, tos_uri].map(|uri| uri.as_deref());
    [Some(name_zh), Some(name_en), client, logo, policy, tos]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(change: &dyn Fn(&mut Registration), itself: bool) -> Option<&'static str> {
        let before = Registration {
            name_zh: "公交".to_owned(),
            name_en: "Buses".to_owned(),
            redirect_uris: vec!["https://a.example/1".to_owned(), "https://a.example/2".to_owned()],
            grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
            scope: "openid profile".to_owned(),
            audiences: vec!["https://api.example".to_owned()],
            authorization_details_types: vec!["permit".to_owned()],
            registered_itself: itself,
            ..Registration::default()
        };
        let mut after = before.clone();
        change(&mut after);
        let ends = ends_what_was_given(&before, &after);
        assert!(
            ends.is_none() || yes_to(&before) != yes_to(&after),
            "who is asked anew is asked about something else"
        );
        ends
    }

    #[test]
    fn what_takes_something_away_ends_what_was_given_whoever_does_it() {
        for itself in [true, false] {
            for change in [
                (&|r: &mut Registration| r.scope = "openid".to_owned()) as &dyn Fn(&mut Registration),
                &|r| r.scope = "openid phone".to_owned(),
                &|r| r.grant_types.truncate(1),
                &|r| r.audiences.clear(),
                &|r| r.authorization_details_types.clear(),
            ] {
                assert_eq!(by(change, itself), Some(NARROWED));
            }
        }
    }

    #[test]
    fn what_calls_it_otherwise_or_leads_elsewhere_ends_it_when_nobody_else_says_so() {
        let page = || Some("https://a.example/page".to_owned());
        for change in [
            (&|r: &mut Registration| r.name_zh.push('!')) as &dyn Fn(&mut Registration),
            &|r| r.name_en.push('!'),
            &|r| r.redirect_uris.push("https://b.example/".to_owned()),
            &|r| r.redirect_uris.truncate(1),
            &|r| r.client_uri = page(),
            &|r| r.logo_uri = page(),
            &|r| r.policy_uri = page(),
            &|r| r.tos_uri = page(),
        ] {
            assert_eq!((by(change, true), by(change, false)), (Some(ANOTHER), None));
        }
    }

    #[test]
    fn what_concerns_nobodys_yes_ends_nothing() {
        for change in [
            (&|_: &mut Registration| {}) as &dyn Fn(&mut Registration),
            &|r| r.redirect_uris.reverse(),
            &|r| r.scope = "profile openid phone".to_owned(),
            &|r| r.contacts.push("dev@a.example".to_owned()),
            &|r| r.jwks_uri = Some("https://a.example/keys".to_owned()),
            &|r| r.response_modes = Some(vec!["query".to_owned()]),
            &|r| r.require_pushed_authorization_requests = true,
            &|r| r.software_version = Some("2".to_owned()),
        ] {
            assert_eq!((by(change, true), by(change, false)), (None, None));
        }
    }
}
