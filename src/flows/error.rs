//! The two ways a flow ends early.

use std::error::Error;
use std::fmt;

/// Why a flow did not do what it was asked.
#[derive(Debug)]
pub enum Failure<R = Rejected> {
    /// The caller's fault: say so, with the reason.
    Rejected(R),
    /// Our fault: log it, tell the caller no more than that it happened.
    Fault(Fault),
}

/// A refusal, in words the caller may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// What kind of refusal; the HTTP layer makes the status of it.
    pub reason: Reason,
    /// A short name that programs compare, `seal_suspended`.
    pub code: &'static str,
    /// What was expected and what came, or what to do.
    pub message: String,
    /// The login with which the same would be done.
    pub wants: Option<Box<WantedLogin>>,
}

/// What a login must be for something to be done (RFC 9470, 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedLogin {
    /// The scheme of the token that came.
    pub scheme: &'static str,
    /// The authentication context class that it must reach.
    pub acr_value: Option<String>,
    /// How old it may be, in seconds.
    pub max_age_seconds: Option<u32>,
}

/// After how long to ask again when the cryptographic module is out of service: somebody has to start the server again first.
const OUT_OF_SERVICE_RETRY_SECONDS: u32 = 60;

/// What kind of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The request cannot be understood.
    BadRequest,
    /// The request is understood but cannot be carried out as it is.
    Unprocessable,
    /// Nobody is logged in, or the token is not good.
    Unauthenticated,
    /// The caller may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The thing exists already, or is not in the state that was expected.
    Conflict,
    /// The body is larger than the limit.
    TooLarge,
    /// The body is of another kind than what is taken here.
    UnsupportedMediaType,
    /// The request did not arrive in time.
    TooSlow,
    /// Too many tries.
    TooMany {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// Another server, which had to be asked, did not answer or not as it should.
    Elsewhere,
    /// The server has no room for the work now.
    Busy {
        /// When to try again.
        retry_after_seconds: u32,
    },
}

impl Rejected {
    /// A refusal of `reason`, known to programs as `code`.
    pub fn new(reason: Reason, code: &'static str, message: impl Into<String>) -> Self {
        Self { reason, code, message: message.into(), wants: None }
    }

    /// The same token with another login would do (RFC 9470, 3).
    pub fn another_login(wants: WantedLogin, message: impl Into<String>) -> Self {
        let rejected = Self::new(Reason::Unauthenticated, "insufficient_user_authentication", message);
        Self { wants: Some(Box::new(wants)), ..rejected }
    }

    /// The request cannot be understood.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Reason::BadRequest, code, message)
    }

    /// The request is understood but cannot be carried out.
    pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Reason::Unprocessable, code, message)
    }

    /// There is no such thing.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Reason::NotFound, code, message)
    }

    /// The caller may not.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Reason::Forbidden, code, message)
    }

    /// The thing exists already, or has moved on.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Reason::Conflict, code, message)
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Error for Rejected {}

/// Something went wrong on our side; the source says what, for the operator.
#[derive(Debug)]
pub struct Fault(Box<dyn Error + Send + Sync>);

impl Fault {
    /// A fault that no error value stands for.
    pub fn message(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The refusal that the caller is told when this happened because the cryptographic module is out of service; it may be told, and why
    /// it is so was told to the operator when it began.
    pub fn out_of_service(&self) -> Option<Rejected> {
        let is_it =
            |cause: &(dyn Error + 'static)| matches!(cause.downcast_ref(), Some(kms::KmsError::OutOfService));
        self.causes().any(is_it).then(|| {
            let message = "the server's cryptographic module is out of service, and nothing was done";
            let reason = Reason::Busy { retry_after_seconds: OUT_OF_SERVICE_RETRY_SECONDS };
            Rejected::new(reason, "out_of_service", message)
        })
    }

    /// What happened, what caused it, and so on.
    fn causes(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        let first: &(dyn Error + 'static) = self.0.as_ref();
        std::iter::successors(Some(first), |&cause| cause.source())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.causes().skip(1).try_for_each(|cause| write!(f, ": {cause}"))
    }
}

macro_rules! faults {
    ($($error:ty),+ $(,)?) => {
        $(
            impl From<$error> for Fault {
                fn from(error: $error) -> Self {
                    Self(Box::new(error))
                }
            }
            impl<R> From<$error> for Failure<R> {
                fn from(error: $error) -> Self {
                    Self::Fault(error.into())
                }
            }
        )+
    };
}

// Errors that are never the caller's fault.
faults!(
    store::StoreError,
    store::BadRow,
    kms::KmsError,
    kms::master::MasterKeyError,
    jose::SignError,
    jose::KeySetError,
    jose::JwkError,
    jose::jwe::EncryptError,
    pki::CertificateError,
    pki::SignError,
    pki::issue::IssueError,
    audit::entry::EntryError,
    audit::tile::TileError,
    audit::tree::OutOfTree,
    audit::checkpoint::CheckpointError,
    serde_json::Error,
    tokio::task::JoinError,
);

impl<R> From<Fault> for Failure<R> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Rejected> for Failure<Rejected> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl From<oidc::OauthError> for Failure<oidc::OauthError> {
    fn from(error: oidc::OauthError) -> Self {
        Self::Rejected(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms::KmsError;

    #[test]
    fn out_of_service_is_told_from_other_faults_however_deep_it_lies() {
        let source = || Box::new(KmsError::OutOfService);
        let deep: [Fault; 4] = [
            KmsError::OutOfService.into(),
            jose::SignError::Key { kid: "k".to_owned(), source: source() }.into(),
            pki::SignError(source()).into(),
            pki::issue::IssueError::Sign(pki::SignError(source())).into(),
        ];
        for fault in deep {
            let told = fault.out_of_service().unwrap_or_else(|| panic!("{fault}"));
            assert_eq!(
                (told.code, told.reason),
                ("out_of_service", Reason::Busy { retry_after_seconds: 60 })
            );
        }
        for other in [Fault::message(KmsError::OutOfService.to_string()), KmsError::Envelope.into()] {
            assert_eq!(other.out_of_service(), None, "{other}");
        }
    }
}
