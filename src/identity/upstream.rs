//! What the word of another provider is worth here: the operator writes it down, and nothing is worth more.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::assurance::{Amr, Assurance, RealNameLevel, amr_values};
use crate::person::PersonName;
use crate::resident_id::ResidentId;

/// Longest text that is taken from a claim.
pub const CLAIM_MAX_CHARS: usize = 1_000;

/// What a provider's words mean here, as the operator wrote it down. The usual is: nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Which claims tell of the person.
    pub attributes: Attributes,
    /// Which of its `acr` values stand for which strength of a login; others stand for the weakest.
    pub assurance: BTreeMap<String, Assurance>,
    /// The most that a login there is worth, whatever it says.
    pub assurance_max: Assurance,
    /// The claim that says how far the name is proven.
    pub real_name_claim: Option<String>,
    /// What its values stand for; others stand for nothing proven.
    pub real_name: BTreeMap<String, RealNameLevel>,
    /// The most that is believed of it, whatever it says.
    pub real_name_max: RealNameLevel,
}

/// The names of the claims that tell of the person; what has none is not taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// What the person is called by there, and types.
    pub user_name: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The identity number (GB 11643).
    pub id_number: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// The telephone number, E.164.
    pub phone: Option<String>,
}

/// What a provider says of a person, as far as it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What the person types there; any text.
    pub user_name: Option<String>,
    /// The full name.
    pub name: Option<PersonName>,
    /// The identity number: only of a person whose name is proven.
    pub id_number: Option<ResidentId>,
    /// How far the name is proven.
    pub real_name: RealNameLevel,
    /// The mail address, as the person says.
    pub email: Option<String>,
    /// The telephone number, as the person says.
    pub phone: Option<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            attributes: Attributes::default(),
            assurance: BTreeMap::new(),
            assurance_max: Assurance::Loa1,
            real_name_claim: None,
            real_name: BTreeMap::new(),
            real_name_max: RealNameLevel::Unverified,
        }
    }
}

impl Rules {
    /// The claims that are looked at.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        let Attributes { user_name, name, id_number, email, phone } = &self.attributes;
        [user_name, name, id_number, email, phone, &self.real_name_claim]
            .into_iter()
            .filter_map(Option::as_deref)
    }

    /// Those of `claims` that are looked at; the others are forgotten.
    pub fn pick(&self, claims: &Map<String, Value>) -> Map<String, Value> {
        let picked = self.claims().filter_map(|name| Some((name.to_owned(), text(claims, name)?.into())));
        picked.collect()
    }

    /// What `claims` say of the person. What is no name, no number and so on is not taken.
    pub fn describe(&self, claims: &Map<String, Value>) -> Described {
        let said = |name: &Option<String>| name.as_deref().and_then(|name| text(claims, name));
        let level = said(&self.real_name_claim).and_then(|said| self.real_name.get(&said).copied());
        let real_name = level.unwrap_or(RealNameLevel::Unverified).min(self.real_name_max);
        let id_number = said(&self.attributes.id_number).and_then(|number| number.parse().ok());
        Described {
            user_name: said(&self.attributes.user_name),
            name: said(&self.attributes.name).and_then(|name| name.parse().ok()),
            // Whose number an account has, that person's certificates it shows: an unproven word is not enough.
            id_number: id_number.filter(|_| real_name >= RealNameLevel::Matched),
            real_name,
            email: said(&self.attributes.email),
            phone: said(&self.attributes.phone),
        }
    }

    /// How sure a login there makes us of a person whose name is proven to `real_name` here, and by which methods it was (`amr`).
    ///
    /// Never more than the operator allows, nor than [`Assurance::of`] would say of such a person. Methods that together would claim more
    /// than that are not repeated: an application may look at them alone.
    pub fn strength(
        &self,
        acr: Option<&str>,
        amr: &[String],
        real_name: RealNameLevel,
    ) -> (Assurance, Vec<&'static str>) {
        let said = acr.and_then(|acr| self.assurance.get(acr).copied()).unwrap_or(Assurance::Loa1);
        let of_such_a_person = match real_name {
            RealNameLevel::Unverified => Assurance::Loa2,
            RealNameLevel::Matched | RealNameLevel::Verified => Assurance::Loa3,
            RealNameLevel::InPerson => Assurance::Loa4,
        };
        let assurance = said.min(self.assurance_max).min(of_such_a_person);
        let named: Vec<Amr> = amr.iter().filter_map(|name| Amr::parse(name)).collect();
        let modest = Assurance::of(&named, real_name) <= assurance;
        let mut methods: Vec<Amr> = named.into_iter().filter(|_| modest).collect();
        methods.retain(|method| *method != Amr::Upstream);
        methods.push(Amr::Upstream);
        methods.sort_unstable();
        methods.dedup();
        (assurance, amr_values(&methods))
    }
}

/// The claim `name`, if it is a text that could be kept.
fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = claims.get(name)?.as_str()?.trim();
    let good =
        !text.is_empty() && text.chars().count() <= CLAIM_MAX_CHARS && !text.contains(char::is_control);
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules() -> Rules {
        let named = |name: &str| Some(name.to_owned());
        Rules {
            attributes: Attributes {
                user_name: named("preferred_username"),
                name: named("name"),
                id_number: named("citizen"),
                email: named("email"),
                phone: None,
            },
            assurance: [("high".to_owned(), Assurance::Loa4), ("low".to_owned(), Assurance::Loa1)].into(),
            assurance_max: Assurance::Loa3,
            real_name_claim: named("level"),
            real_name: [("2".to_owned(), RealNameLevel::InPerson), ("1".to_owned(), RealNameLevel::Matched)]
                .into(),
            real_name_max: RealNameLevel::Verified,
        }
    }

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_person_is_described_by_the_named_claims_and_no_better_than_the_operator_allows() {
        let said = json!({
            "preferred_username": " Li.Xiaoman ", "name": "李小满", "citizen": "11010519491231002X", "level": "2",
            "email": "li@example.cn", "phone_number": "+8613800000000", "admin": true,
        });
        let said = claims(said);
        let described = rules().describe(&said);
        assert_eq!(described.user_name.as_deref(), Some("Li.Xiaoman"));
        assert_eq!(described.name.unwrap().as_str(), "李小满");
        assert_eq!(described.id_number.unwrap().as_str(), "11010519491231002X");
        assert_eq!((described.real_name, described.phone), (RealNameLevel::Verified, None));
        let picked = rules().pick(&said);
        let mut kept: Vec<_> = picked.keys().map(String::as_str).collect();
        kept.sort_unstable();
        assert_eq!(kept, ["citizen", "email", "level", "name", "preferred_username"]);
        assert_eq!(rules().describe(&picked), rules().describe(&said));
    }

    #[test]
    fn what_is_no_name_and_no_number_or_not_proven_is_not_taken() {
        let odd = json!({ "preferred_username": 7, "name": "a\u{0}b", "citizen": "11010519491231002X", "level": "9" });
        let described = rules().describe(&claims(odd));
        assert_eq!((described.user_name, described.name, described.id_number), (None, None, None));
        let long = json!({ "email": "x".repeat(CLAIM_MAX_CHARS + 1), "citizen": "110105194912310021", "level": "1" });
        let described = rules().describe(&claims(long));
        assert_eq!((described.email, described.id_number), (None, None));
        assert_eq!(Rules::default().describe(&claims(json!({ "name": "x", "level": "2" }))).name, None);
    }

    #[test]
    fn a_login_elsewhere_is_worth_what_was_written_down_and_no_more() {
        use RealNameLevel::*;
        let strength = |acr: Option<&str>, amr: &[&str], real_name| {
            let amr: Vec<String> = amr.iter().map(|s| (*s).to_owned()).collect();
            rules().strength(acr, &amr, real_name)
        };
        let marked = vec!["yinxin_upstream"];
        assert_eq!(strength(Some("high"), &["hwk", "face"], InPerson), (Assurance::Loa3, marked.clone()));
        assert_eq!(
            strength(Some("high"), &["swk", "x"], Matched),
            (Assurance::Loa3, vec!["swk", "yinxin_upstream"])
        );
        assert_eq!(
            strength(Some("high"), &["swk"], Unverified),
            (Assurance::Loa2, vec!["swk", "yinxin_upstream"])
        );
        assert_eq!(strength(Some("low"), &["pwd", "otp"], InPerson), (Assurance::Loa1, marked.clone()));
        assert_eq!(
            strength(Some("low"), &["pwd"], InPerson),
            (Assurance::Loa1, vec!["pwd", "yinxin_upstream"])
        );
        assert_eq!(strength(None, &["yinxin_upstream", "mfa"], InPerson), (Assurance::Loa1, marked.clone()));
        assert_eq!(
            Rules::default().strength(Some("high"), &["hwk".to_owned()], InPerson),
            (Assurance::Loa1, marked)
        );
    }
}
