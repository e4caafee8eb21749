//! What is known of the people and things of the store `main`, with the field's own names.
//!
//! Each type says what one entity type of `policies/main/schema.cedarschema` needs; `From` turns it into facts.

use base::Timestamp;

use crate::facts::{Attributes, EntityFacts, EntityRef, LOGIN_AGE, Value};

/// The store these words belong to.
pub const STORE: &str = "main";

/// A unit's place in the organisation tree: identifiers from the province down to the unit itself, which is last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitPath {
    above: Vec<String>,
    unit: String,
}

/// An official (公务人员).
#[derive(Clone, Debug)]
pub struct Official {
    /// The unit in which the official serves.
    pub unit: UnitPath,
    /// Highest grade of data the official may see, 1 to 4.
    pub clearance: u8,
    /// Roles held in that unit: `seal_keeper`, `certificate_issuer`, `application_registrar`, `administrator`, `impersonator`.
    pub roles: Vec<String>,
    /// Whether the account is open.
    pub active: bool,
    /// When the appointment ends, if that is known.
    pub serves_until: Option<Timestamp>,
}

/// A citizen.
#[derive(Clone, Debug)]
pub struct Citizen {
    /// Whether the account is open.
    pub active: bool,
}

/// An application that acts for itself, with what it was explicitly granted.
#[derive(Clone, Debug, Default)]
pub struct Application {
    /// Whether the registration is open.
    pub active: bool,
    /// Identifiers of the data sets it may read.
    pub data_sets: Vec<String>,
    /// Identifiers of the seals it may use.
    pub seals: Vec<String>,
    /// Identifiers of the certificate types it may issue.
    pub certificate_types: Vec<String>,
}

/// A graded data set (GB/T 43697).
#[derive(Clone, Debug)]
pub struct DataSet {
    /// The unit it belongs to.
    pub unit: UnitPath,
    /// 1 to 4; `None` leaves it to what the caller asserts.
    pub grade: Option<u8>,
}

/// An electronic seal.
#[derive(Clone, Debug)]
pub struct Seal {
    /// The unit whose seal it is.
    pub unit: UnitPath,
    /// Whether it is in use, that is neither suspended nor destroyed.
    pub active: bool,
}

/// A type of e-certificate.
#[derive(Clone, Debug)]
pub struct CertificateType {
    /// The unit in charge of it; units below issue it.
    pub unit: UnitPath,
}

/// An issued e-certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The unit that issued it.
    pub unit: UnitPath,
    /// The account of the person it is about, if that person has one.
    pub holder: Option<String>,
}

/// Somebody for whom another acts.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Whether that is an official.
    pub official: bool,
}

/// The administration console of one unit.
#[derive(Clone, Debug)]
pub struct Console {
    /// The unit it administers.
    pub unit: UnitPath,
}

/// The moment of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation {
    /// The level of the session's authentication, 1 to 4 of `urn:yinxin:loa:`; `None` when there is no session.
    pub assurance: Option<u8>,
    /// How long ago that authentication was, in seconds; `None` when there is no session.
    pub login_age_seconds: Option<u32>,
}

impl UnitPath {
    /// `unit` below the units `above`, which start at the province.
    pub fn new<S: Into<String>>(above: impl IntoIterator<Item = S>, unit: impl Into<String>) -> Self {
        Self { above: above.into_iter().map(Into::into).collect(), unit: unit.into() }
    }

    /// The unit itself.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    fn reference(&self) -> EntityRef {
        EntityRef::new("OrgUnit", &self.unit)
    }

    fn ancestors(&self) -> Vec<EntityRef> {
        self.above.iter().chain([&self.unit]).map(|id| EntityRef::new("OrgUnit", id)).collect()
    }

    fn facts<const N: usize>(&self, attributes: [(&str, Value); N]) -> EntityFacts {
        EntityFacts { attributes: named(attributes), ancestors: self.ancestors() }
    }
}

impl From<Official> for EntityFacts {
    fn from(official: Official) -> Self {
        let mut facts = official.unit.facts([
            ("unit", official.unit.reference().into()),
            ("clearance", i64::from(official.clearance).into()),
            ("roles", Value::strings(official.roles)),
            ("active", official.active.into()),
        ]);
        if let Some(end) = official.serves_until {
            facts.attributes.insert("serves_until".into(), end.unix_seconds().into());
        }
        facts
    }
}

impl From<Citizen> for EntityFacts {
    fn from(citizen: Citizen) -> Self {
        Self { attributes: named([("active", citizen.active.into())]), ancestors: Vec::new() }
    }
}

impl From<Application> for EntityFacts {
    fn from(application: Application) -> Self {
        let attributes = named([
            ("active", application.active.into()),
            ("data_sets", Value::entities("DataSet", application.data_sets)),
            ("seals", Value::entities("Seal", application.seals)),
            ("certificate_types", Value::entities("CertificateType", application.certificate_types)),
        ]);
        Self { attributes, ancestors: Vec::new() }
    }
}

impl From<DataSet> for EntityFacts {
    fn from(data: DataSet) -> Self {
        let mut facts = data.unit.facts([]);
        if let Some(grade) = data.grade {
            facts.attributes.insert("grade".into(), i64::from(grade).into());
        }
        facts
    }
}

impl From<Seal> for EntityFacts {
    fn from(seal: Seal) -> Self {
        seal.unit.facts([("unit", seal.unit.reference().into()), ("active", seal.active.into())])
    }
}

impl From<CertificateType> for EntityFacts {
    fn from(kind: CertificateType) -> Self {
        kind.unit.facts([("unit", kind.unit.reference().into())])
    }
}

impl From<Certificate> for EntityFacts {
    fn from(certificate: Certificate) -> Self {
        let mut facts = certificate.unit.facts([]);
        if let Some(holder) = certificate.holder {
            facts.attributes.insert("holder".into(), EntityRef::new("Citizen", holder).into());
        }
        facts
    }
}

impl From<Account> for EntityFacts {
    fn from(account: Account) -> Self {
        Self { attributes: named([("official", account.official.into())]), ancestors: Vec::new() }
    }
}

impl From<Console> for EntityFacts {
    fn from(console: Console) -> Self {
        console.unit.facts([])
    }
}

impl From<Situation> for Attributes {
    fn from(situation: Situation) -> Self {
        let acr = situation.assurance.map(|level| ("acr".to_owned(), i64::from(level).into()));
        let age = situation.login_age_seconds.map(|age| (LOGIN_AGE.to_owned(), i64::from(age).into()));
        acr.into_iter().chain(age).collect()
    }
}

fn named<const N: usize>(attributes: [(&str, Value); N]) -> Attributes {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
