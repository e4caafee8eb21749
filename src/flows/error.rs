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
}

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
    /// Too many tries.
    TooMany {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// The server has no room for the work now.
    Busy {
        /// When to try again.
        retry_after_seconds: u32,
    },
}

impl Rejected {
    /// A refusal of `reason`, known to programs as `code`.
    pub fn new(reason: Reason, code: &'static str, message: impl Into<String>) -> Self {
        Self { reason, code, message: message.into() }
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
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
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
