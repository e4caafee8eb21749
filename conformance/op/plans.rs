//! Certification plans: which modules they run, and in which variant of client authentication, sender constraint and response mode.

/// How a client authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    SecretBasic,
    SecretPost,
    PrivateKeyJwt,
    /// A self-signed certificate (RFC 8705, 2.2).
    SelfSignedTls,
}

impl Auth {
    /// As `token_endpoint_auth_method` names it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::SelfSignedTls => "self_signed_tls_client_auth",
        }
    }
}

/// What tokens are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Nothing: bearer tokens.
    Nobody,
    /// A key that proves itself (RFC 9449).
    Dpop,
    /// A client certificate (RFC 8705, 3).
    Certificate,
}

/// What makes runs of the same module differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) auth: Auth,
    pub(crate) bound: Bound,
    /// FAPI 2.0: requests are pushed.
    pub(crate) fapi: bool,
    /// FAPI 2.0 Message Signing: requests are signed and answers are tokens (JARM).
    pub(crate) signed: bool,
    pub(crate) form_post: bool,
}

impl Variant {
    const fn openid(form_post: bool) -> Self {
        Self { auth: Auth::SecretBasic, bound: Bound::Nobody, fapi: false, signed: false, form_post }
    }

    const fn fapi(auth: Auth, bound: Bound, signed: bool) -> Self {
        Self { auth, bound, fapi: true, signed, form_post: false }
    }

    /// Whether clients need a certificate.
    pub(crate) fn needs_certificate(self) -> bool {
        self.auth == Auth::SelfSignedTls || self.bound == Bound::Certificate
    }
}

/// A list of modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Config,
    Basic,
    RpInitiatedLogout,
    FrontChannelLogout,
    BackChannelLogout,
    SessionManagement,
    ThirdPartyLogin,
    SecurityProfile,
    MessageSigning,
}

/// A certification plan in one variant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// The variant, as the table names it; empty when there is only one.
    pub(crate) label: &'static str,
    pub(crate) list: List,
    pub(crate) variant: Variant,
}

/// Every plan, in the order of the table.
pub(crate) const PLANS: &[Plan] = &[
    plain("oidcc-config", List::Config),
    plain("oidcc-basic", List::Basic),
    Plan { name: "oidcc-formpost-basic", label: "", list: List::Basic, variant: Variant::openid(true) },
    plain("oidcc-rp-initiated-logout", List::RpInitiatedLogout),
    plain("oidcc-frontchannel-rp-initiated-logout", List::FrontChannelLogout),
    plain("oidcc-backchannel-rp-initiated-logout", List::BackChannelLogout),
    plain("oidcc-session-management", List::SessionManagement),
    plain("oidcc-3rdparty-init-login", List::ThirdPartyLogin),
    fapi("private_key_jwt, dpop", Auth::PrivateKeyJwt, Bound::Dpop),
    fapi("private_key_jwt, mtls", Auth::PrivateKeyJwt, Bound::Certificate),
    fapi("mtls, dpop", Auth::SelfSignedTls, Bound::Dpop),
    fapi("mtls, mtls", Auth::SelfSignedTls, Bound::Certificate),
    signed("private_key_jwt, dpop", Auth::PrivateKeyJwt, Bound::Dpop),
    signed("private_key_jwt, mtls", Auth::PrivateKeyJwt, Bound::Certificate),
    signed("mtls, dpop", Auth::SelfSignedTls, Bound::Dpop),
    signed("mtls, mtls", Auth::SelfSignedTls, Bound::Certificate),
];

const fn plain(name: &'static str, list: List) -> Plan {
    Plan { name, label: "", list, variant: Variant::openid(false) }
}

const fn fapi(label: &'static str, auth: Auth, bound: Bound) -> Plan {
    let variant = Variant::fapi(auth, bound, false);
    Plan { name: "fapi2-security-profile-final", label, list: List::SecurityProfile, variant }
}

const fn signed(label: &'static str, auth: Auth, bound: Bound) -> Plan {
    let variant = Variant::fapi(auth, bound, true);
    Plan { name: "fapi2-message-signing-final", label, list: List::MessageSigning, variant }
}
