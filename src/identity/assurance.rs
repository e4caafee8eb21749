//! How far an identity is proven, and how strong a login was.

/// Declares an enum with its wire names, in rising order.
macro_rules! named {
    ($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $wire:literal;)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire and in the store.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $wire,)+
                }
            }

            /// The value named `text`; `None` for every other name.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}
pub(crate) use named;

named! {
    /// How far it is proven that an account is the person's whose name it bears (实名等级), weakest first.
    RealNameLevel {
        /// Nobody looked.
        Unverified = "unverified";
        /// Name and number match the population or company register (两要素).
        Matched = "matched";
        /// And the person was shown to be alive and the same, at a distance: face, or a bank's word.
        Verified = "verified";
        /// And an official saw the person and the document, or the person holds an SM2 certificate issued so.
        InPerson = "in_person";
    }
}

named! {
    /// A method of authentication (`amr`; RFC 8176, 2, and one of ours).
    Amr {
        /// A password.
        Password = "pwd";
        /// A one-time code from an authenticator application.
        OneTimePassword = "otp";
        /// A one-time code by text message.
        Sms = "sms";
        /// A passkey or other key kept in software.
        SoftwareKey = "swk";
        /// A key kept in hardware: a security key, a USB key with an SM2 certificate.
        HardwareKey = "hwk";
        /// A face, compared.
        Face = "face";
        /// A scan with the phone application, which had authenticated before.
        Scan = "yinxin_scan";
        /// Another provider's word, which the operator believes.
        Upstream = "yinxin_upstream";
    }
}

/// How sure a login makes us, weakest first: the `acr` of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assurance {
    /// One factor: whoever knows the password.
    Loa1,
    /// Two factors, or a phone that had authenticated.
    Loa2,
    /// A key that cannot be phished, of a person whose name and number match.
    Loa3,
    /// A key in hardware, of a person who was seen.
    Loa4,
}

impl Assurance {
    /// Every level, weakest first.
    pub const ALL: [Self; 4] = [Self::Loa1, Self::Loa2, Self::Loa3, Self::Loa4];

    /// The `acr` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loa1 => "urn:yinxin:loa:1",
            Self::Loa2 => "urn:yinxin:loa:2",
            Self::Loa3 => "urn:yinxin:loa:3",
            Self::Loa4 => "urn:yinxin:loa:4",
        }
    }

    /// The level as a number, 1 to 4.
    pub const fn level(self) -> u8 {
        match self {
            Self::Loa1 => 1,
            Self::Loa2 => 2,
            Self::Loa3 => 3,
            Self::Loa4 => 4,
        }
    }

    /// The level whose `acr` is `text`; `None` for every other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    /// The `acr` values that a login of the level named `acr` fulfils: its own and all weaker ones.
    pub fn fulfilled_by(acr: &str) -> Vec<&'static str> {
        let reached = Self::parse(acr);
        Self::ALL.into_iter().filter(|level| Some(*level) <= reached).map(Self::as_str).collect()
    }

    /// How sure a login with `methods` makes us of a person proven to `real_name`.
    pub fn of(methods: &[Amr], real_name: RealNameLevel) -> Self {
        let has = |method| methods.contains(&method);
        let key_in_hardware = has(Amr::HardwareKey);
        let key = key_in_hardware || has(Amr::SoftwareKey);
        if key_in_hardware && real_name >= RealNameLevel::InPerson {
            Self::Loa4
        } else if key && real_name >= RealNameLevel::Matched {
            Self::Loa3
        } else if key || has(Amr::Scan) || factors(methods) >= 2 {
            Self::Loa2
        } else {
            Self::Loa1
        }
    }
}

/// The `amr` claim of a login with `methods`: their names, and `mfa` when they are of more than one kind (RFC 8176, 2).
pub fn amr_values(methods: &[Amr]) -> Vec<&'static str> {
    let names = methods.iter().map(|method| method.as_str());
    names.chain((factors(methods) >= 2).then_some("mfa")).collect()
}

/// How many different kinds of factor there are: what is known, what is had, what one is.
fn factors(methods: &[Amr]) -> usize {
    const KINDS: [&[Amr]; 3] = [
        &[Amr::Password],
        &[Amr::OneTimePassword, Amr::Sms, Amr::SoftwareKey, Amr::HardwareKey],
        &[Amr::Face],
    ];
    KINDS.iter().filter(|kind| kind.iter().any(|method| methods.contains(method))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_as_strong_as_its_factors_and_the_proof_behind_the_name() {
        use Amr::*;
        use RealNameLevel::*;
        let table: &[(&[Amr], RealNameLevel, Assurance)] = &[
            (&[], InPerson, Assurance::Loa1),
            (&[Password], InPerson, Assurance::Loa1),
            (&[Sms, OneTimePassword], Verified, Assurance::Loa1),
            (&[Password, Sms], Unverified, Assurance::Loa2),
            (&[Scan], Matched, Assurance::Loa2),
            (&[SoftwareKey], Unverified, Assurance::Loa2),
            (&[SoftwareKey], Matched, Assurance::Loa3),
            (&[Password, SoftwareKey], InPerson, Assurance::Loa3),
            (&[HardwareKey], Verified, Assurance::Loa3),
            (&[HardwareKey], InPerson, Assurance::Loa4),
        ];
        for (methods, real_name, expected) in table {
            assert_eq!(Assurance::of(methods, *real_name), *expected, "{methods:?} {real_name:?}");
        }
    }

    #[test]
    fn a_token_says_when_there_was_more_than_one_factor() {
        assert_eq!(amr_values(&[Amr::Password]), ["pwd"]);
        assert_eq!(amr_values(&[Amr::Password, Amr::Sms]), ["pwd", "sms", "mfa"]);
    }

    #[test]
    fn levels_are_ordered_and_named() {
        assert!(Assurance::Loa4 > Assurance::Loa1 && RealNameLevel::InPerson > RealNameLevel::Matched);
        assert!(Assurance::ALL.into_iter().all(|level| Assurance::parse(level.as_str()) == Some(level)));
        assert!(Amr::ALL.iter().all(|method| Amr::parse(method.as_str()) == Some(*method)));
        assert_eq!(Assurance::parse("urn:yinxin:loa:5"), None);
    }
}
