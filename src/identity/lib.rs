//! Who people, companies and officials are, how sure we are of it, and how they prove it. No I/O.
//!
//! - [`account`] accounts, sessions and login names.
//! - [`person`] natural and legal persons.
//! - [`resident_id`] citizens' identity numbers (GB 11643).
//! - [`social_credit_code`] legal persons' unified social credit codes (GB 32100).
//! - [`region`] province-level regions (GB/T 2260).
//! - [`assurance`] how far an identity is proven, and how strong a login was.
//! - [`organisation`] the organisation tree from province to grid.
//! - [`official`] officials: their unit, post, clearance and roles.
//! - [`password`] which passwords are good, and how they are kept.
//! - [`throttle`] how guessing is slowed down without locking anyone out.
//! - [`upstream`] what the word of another provider is worth here.

pub mod account;
pub mod assurance;
pub mod official;
pub mod organisation;
pub mod password;
pub mod person;
pub mod region;
pub mod resident_id;
pub mod social_credit_code;
pub mod throttle;
pub mod upstream;

pub use account::{AccountId, LoginName, SessionId};
pub use assurance::{Amr, Assurance, RealNameLevel};
pub use official::{Clearance, Official};
pub use organisation::{Level, OrgPath, OrgUnit, OrgUnitId};
pub use password::{PasswordHash, PasswordHasher};
pub use person::{LegalPerson, NaturalPerson, Person, PersonName};
pub use resident_id::ResidentId;
pub use social_credit_code::SocialCreditCode;
