//! What can be reported about an account, and what each kind weighs.

use std::fmt;
use std::str::FromStr;

use base::Timestamp;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

/// Something reported about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// What.
    pub kind: Kind,
    /// The account it is about.
    pub subject: String,
    /// How bad.
    pub severity: Severity,
    /// Since when it counts.
    pub reported_at: Timestamp,
    /// Who or what reported it.
    pub reported_by: String,
    /// When someone found it settled, if anyone did: the device is back, the password is changed.
    pub resolved_at: Option<Timestamp>,
}

/// The kinds of signal. What each means and weighs is in the table below, and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The account's holder no longer serves.
    DutyEnded,
    /// The password was found where it should not be.
    PasswordLeaked,
    /// A device used to log in is lost or stolen.
    DeviceLost,
    /// Malicious software was found on a device used to log in.
    MalwareReported,
    /// The holder or someone else says that a stranger uses the account.
    MisuseReported,
    /// Two logins farther apart than anyone travels in the time between.
    ImpossibleTravel,
    /// Actions unlike the holder's and the peers'.
    UnusualBehaviour,
    /// A device without current updates or protection.
    DeviceOutdated,
    /// A network never used by this account.
    UnfamiliarNetwork,
    /// Many failed logins in a short time.
    FailedLogins,
    /// Use at an hour at which the account is not used.
    UnusualTime,
    /// A login with two factors, one of them cryptographic.
    StrongLogin,
}

/// How bad a signal is: the share of its weight that counts. The levels are those of CAEP's risk-level-change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// 30 % of the weight.
    Low,
    /// 60 % of the weight.
    Medium,
    /// All of it.
    High,
}

/// No kind of signal has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a kind of signal, found `{0}`")]
pub struct UnknownKind(pub String);

/// No severity has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `low`, `medium` or `high`, found `{0}`")]
pub struct UnknownSeverity(pub String);

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The kind.
    pub kind: Kind,
    /// Its name on the wire and in the database.
    pub name: &'static str,
    /// Points at [`Severity::High`], 1 to 100.
    pub weight_points: u8,
    /// The time in which half of what is left fades.
    pub half_life_seconds: u32,
    /// What it does.
    pub effect: Effect,
    /// The reason in Chinese.
    pub reason_zh: &'static str,
    /// The reason in English.
    pub reason_en: &'static str,
}

/// What a signal does to the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Lowers it until resolved, and fades only from then on: nothing heals a stolen device but finding it.
    Stands,
    /// Lowers it and fades from the report on; a strong login makes up for part of it, since it may have been the holder.
    Fades,
    /// Gives back part of what fading signals took.
    GivesBack,
}

/// The table: most serious first. Weight in points, half-life in seconds.
pub const MEANINGS: [Meaning; 12] = [
    stands(Kind::DutyEnded, "duty_ended", 100, HOUR, "任职已结束", "the appointment has ended"),
    stands(Kind::PasswordLeaked, "password_leaked", 60, DAY, "密码已泄露", "the password was leaked"),
    stands(Kind::DeviceLost, "device_lost", 50, DAY, "设备丢失", "a device was lost"),
    stands(Kind::MalwareReported, "malware_reported", 50, DAY, "设备有恶意软件", "malware was found"),
    stands(Kind::MisuseReported, "misuse_reported", 45, 3 * DAY, "账号被举报盗用", "misuse was reported"),
    fades(Kind::ImpossibleTravel, "impossible_travel", 35, 12 * HOUR, "登录地点异常", "logins too far apart"),
    fades(Kind::UnusualBehaviour, "unusual_behaviour", 25, 2 * HOUR, "行为异常", "unusual behaviour"),
    stands(Kind::DeviceOutdated, "device_outdated", 20, DAY, "设备未更新", "a device without updates"),
    fades(Kind::UnfamiliarNetwork, "unfamiliar_network", 15, DAY, "陌生网络", "an unfamiliar network"),
    fades(Kind::FailedLogins, "failed_logins", 15, HOUR, "多次登录失败", "many failed logins"),
    fades(Kind::UnusualTime, "unusual_time", 10, 2 * HOUR, "使用时间异常", "an unusual hour"),
    gives_back(Kind::StrongLogin, "strong_login", 20, 4 * HOUR, "已进行强认证登录", "a strong login"),
];

const fn stands(
    kind: Kind,
    name: &'static str,
    w: u8,
    half: u32,
    zh: &'static str,
    en: &'static str,
) -> Meaning {
    let (weight_points, half_life_seconds) = (w, half);
    Meaning {
        kind,
        name,
        weight_points,
        half_life_seconds,
        effect: Effect::Stands,
        reason_zh: zh,
        reason_en: en,
    }
}

const fn fades(
    kind: Kind,
    name: &'static str,
    w: u8,
    half: u32,
    zh: &'static str,
    en: &'static str,
) -> Meaning {
    Meaning { effect: Effect::Fades, ..stands(kind, name, w, half, zh, en) }
}

const fn gives_back(
    kind: Kind,
    name: &'static str,
    w: u8,
    half: u32,
    zh: &'static str,
    en: &'static str,
) -> Meaning {
    Meaning { effect: Effect::GivesBack, ..stands(kind, name, w, half, zh, en) }
}

impl Kind {
    /// Its line of the table.
    #[expect(
        clippy::indexing_slicing,
        reason = "a test holds the table to the order of the kinds, one line each"
    )]
    pub fn meaning(self) -> &'static Meaning {
        &MEANINGS[self as usize]
    }

    /// Its name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.meaning().name
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = MEANINGS.iter().find(|meaning| meaning.name == text);
        found.map(|meaning| meaning.kind).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Severity {
    /// The share of the weight that counts, in percent.
    pub const fn percent(self) -> u8 {
        match self {
            Self::Low => 30,
            Self::Medium => 60,
            Self::High => 100,
        }
    }

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, UnknownSeverity> {
        let found =
            [Self::Low, Self::Medium, Self::High].into_iter().find(|severity| severity.name() == text);
        found.ok_or_else(|| UnknownSeverity(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_line_in_the_table() {
        for (place, meaning) in MEANINGS.iter().enumerate() {
            assert_eq!(meaning.kind as usize, place, "{}", meaning.name);
            assert_eq!(meaning.kind.name().parse(), Ok(meaning.kind));
            assert!((1..=100).contains(&meaning.weight_points) && meaning.half_life_seconds > 0);
        }
        assert_eq!(Kind::StrongLogin as usize + 1, MEANINGS.len());
    }

    #[test]
    fn names_nobody_gave_are_refused() {
        assert_eq!("device-lost".parse::<Kind>(), Err(UnknownKind("device-lost".into())));
        assert_eq!("HIGH".parse::<Severity>(), Err(UnknownSeverity("HIGH".into())));
        assert_eq!("medium".parse(), Ok(Severity::Medium));
    }
}
