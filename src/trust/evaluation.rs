//! The score, with every signal's part in it.
//!
//! `T = 100 - sum of w * s * r`, over the kinds reported: the kind's weight, the signal's severity, and what has not
//! faded. Of several signals of one kind the one that weighs most counts, so that repeating a report changes nothing.
//! A report lowers the score at once; it rises only as signals fade, by half of what is left in each half-life.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use base::Timestamp;

use crate::signal::{Effect, Kind, Severity, Signal};

/// A score of an account about which nothing is reported.
pub const FULL_POINTS: u8 = 100;

/// Scores are added up in thousandths of a point, in whole numbers, so that every machine finds the same.
const POINT: u64 = 1000;

/// What is less has faded.
const LEAST: u64 = POINT / 2;

/// A strong login gives back at most this part of what fading signals took: never full trust from one signal.
const GIVEN_BACK_AT_MOST: (u64, u64) = (1, 2);

/// How far an account can be trusted at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// 0 to 100.
    pub score: u8,
    /// What the score would be right after a login with strong authentication.
    pub after_strong_login: u8,
    /// Each signal's part, the largest first.
    pub contributions: Vec<Contribution>,
}

/// One signal's part in a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// What was reported.
    pub kind: Kind,
    /// How bad it was reported to be.
    pub severity: Severity,
    /// The kind's points at its worst.
    pub weight_points: u8,
    /// Points taken (negative) or given back (positive) now, rounded; what has faded is no longer listed.
    pub points: i32,
    /// Whether it stays as it is until someone settles it.
    pub standing: bool,
    /// Since when it counts.
    pub reported_at: Timestamp,
    /// Who or what reported it.
    pub reported_by: String,
    /// The reason in Chinese.
    pub reason_zh: &'static str,
    /// The reason in English.
    pub reason_en: &'static str,
}

/// Evaluates the `signals` about one account at `now`. A signal from the future counts as if it were reported now.
pub fn evaluate(signals: &[Signal], now: Timestamp) -> Trust {
    let strongest = strongest_of_each_kind(signals, now);
    let taken = Taken::by(&strongest);
    let credit = strongest.get(&Kind::StrongLogin).map_or(0, |(points, _)| *points);
    let fresh = u64::from(Kind::StrongLogin.meaning().weight_points) * POINT;
    let given = taken.given_back(credit);
    let mut weighed: Vec<(u64, Contribution)> = strongest
        .into_values()
        .map(|(points, signal)| {
            let points = if signal.kind == Kind::StrongLogin { given } else { points };
            (points, contribution(points, signal, now))
        })
        .filter(|(points, _)| *points >= LEAST)
        .collect();
    weighed.sort_by_key(|(points, contribution)| (Reverse(*points), contribution.kind));
    Trust {
        score: taken.score(given),
        after_strong_login: taken.score(taken.given_back(fresh)),
        contributions: weighed.into_iter().map(|(_, contribution)| contribution).collect(),
    }
}

/// What lowers a score, in thousandths of a point.
struct Taken {
    standing: u64,
    fading: u64,
}

impl Taken {
    fn by(strongest: &BTreeMap<Kind, (u64, &Signal)>) -> Self {
        let sum = |effect| {
            let of_effect = strongest.iter().filter(|(kind, _)| kind.meaning().effect == effect);
            of_effect.map(|(_, (points, _))| points).sum()
        };
        Self { standing: sum(Effect::Stands), fading: sum(Effect::Fades) }
    }

    fn given_back(&self, credit: u64) -> u64 {
        let (part, whole) = GIVEN_BACK_AT_MOST;
        credit.min(self.fading * part / whole)
    }

    /// Rounded down, in favour of caution.
    fn score(&self, given: u64) -> u8 {
        let full = u64::from(FULL_POINTS) * POINT;
        let left = full.saturating_sub(self.standing + self.fading - given.min(self.fading));
        u8::try_from(left / POINT).unwrap_or(FULL_POINTS)
    }
}

/// Of each kind the signal that weighs most now, with its weight in thousandths of a point.
fn strongest_of_each_kind(signals: &[Signal], now: Timestamp) -> BTreeMap<Kind, (u64, &Signal)> {
    let mut strongest: BTreeMap<Kind, (u64, &Signal)> = BTreeMap::new();
    for signal in signals {
        let points = weight_now(signal, now);
        let entry = strongest.entry(signal.kind).or_insert((points, signal));
        if points > entry.0 {
            *entry = (points, signal);
        }
    }
    strongest.retain(|_, (points, _)| *points >= LEAST);
    strongest
}

fn weight_now(signal: &Signal, now: Timestamp) -> u64 {
    let meaning = signal.kind.meaning();
    let whole = u64::from(meaning.weight_points) * POINT * u64::from(signal.severity.percent()) / 100;
    match fading_since(signal, now) {
        Some(since) => what_is_left(whole, now.since(since).as_secs(), meaning.half_life_seconds),
        None => whole,
    }
}

/// Since when `signal` fades; `None` while it stands.
fn fading_since(signal: &Signal, now: Timestamp) -> Option<Timestamp> {
    match signal.kind.meaning().effect {
        Effect::Stands => signal.resolved_at.filter(|resolved| *resolved <= now),
        Effect::Fades | Effect::GivesBack => Some(signal.reported_at),
    }
}

/// `whole` after `age_seconds`: halved at each half-life, and on a straight line between two of them.
fn what_is_left(whole: u64, age_seconds: u64, half_life_seconds: u32) -> u64 {
    let half_life = u64::from(half_life_seconds.max(1));
    let halvings = u32::try_from(age_seconds / half_life).unwrap_or(u32::MAX);
    let left = whole.checked_shr(halvings).unwrap_or(0);
    left - left * (age_seconds % half_life) / (2 * half_life)
}

fn contribution(points: u64, signal: &Signal, now: Timestamp) -> Contribution {
    let meaning = signal.kind.meaning();
    let rounded = i32::try_from((points + POINT / 2) / POINT).unwrap_or(i32::MAX);
    Contribution {
        kind: signal.kind,
        severity: signal.severity,
        weight_points: meaning.weight_points,
        points: if meaning.effect == Effect::GivesBack { rounded } else { -rounded },
        standing: fading_since(signal, now).is_none(),
        reported_at: signal.reported_at,
        reported_by: signal.reported_by.clone(),
        reason_zh: meaning.reason_zh,
        reason_en: meaning.reason_en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn morning() -> Timestamp {
        Timestamp::from_unix_seconds(1_795_507_200)
    }

    fn reported(kind: Kind, at: Timestamp) -> Signal {
        Signal {
            kind,
            subject: "usr_lin".into(),
            severity: Severity::High,
            reported_at: at,
            reported_by: "security centre".into(),
            resolved_at: None,
        }
    }

    fn score(signals: &[Signal], hours: i64) -> u8 {
        evaluate(signals, morning().plus_seconds(hours * HOUR)).score
    }

    #[test]
    fn an_account_about_which_nothing_is_reported_is_fully_trusted() {
        let trust = evaluate(&[], morning());
        assert_eq!(trust, Trust { score: 100, after_strong_login: 100, contributions: vec![] });
    }

    #[test]
    fn trust_falls_at_once_and_recovers_slowly() {
        let travel = [reported(Kind::ImpossibleTravel, morning())];
        assert_eq!(score(&travel, 0), 65);
        assert_eq!(score(&travel, 12), 82, "half of 35 after one half-life, rounded down");
        assert_eq!(score(&travel, 24), 91);
        assert_eq!(score(&travel, 24 * 30), 100);
        let mut last = 0;
        for hour in 0..200 {
            let now = score(&travel, hour);
            assert!(now >= last, "it only rises");
            last = now;
        }
    }

    #[test]
    fn a_lost_device_stays_lost_until_it_is_settled() {
        let mut lost = reported(Kind::DeviceLost, morning());
        assert_eq!(score(&[lost.clone()], 24 * 365), 50);
        lost.resolved_at = Some(morning().plus_seconds(10 * HOUR));
        assert_eq!(score(&[lost.clone()], 9), 50, "what is settled later is not settled yet");
        assert_eq!(score(&[lost.clone()], 10), 50, "settled, it begins to fade");
        assert_eq!(score(&[lost.clone()], 34), 75);
        assert_eq!(score(&[lost], 34 + 24 * 9), 100);
    }

    #[test]
    fn repeating_a_report_changes_nothing_and_another_kind_adds_to_it() {
        let twice = [reported(Kind::DeviceLost, morning()), reported(Kind::DeviceLost, morning())];
        assert_eq!(score(&twice, 0), 50);
        let mut mild = reported(Kind::DeviceLost, morning());
        mild.severity = Severity::Low;
        assert_eq!(score(&[mild.clone()], 0), 85);
        assert_eq!(score(&[mild, reported(Kind::DeviceLost, morning())], 0), 50, "the worst counts");
        let both = [reported(Kind::DeviceLost, morning()), reported(Kind::UnusualTime, morning())];
        assert_eq!(score(&both, 0), 40);
    }

    #[test]
    fn a_strong_login_gives_back_a_part_and_never_what_stands() {
        let travel = reported(Kind::ImpossibleTravel, morning());
        let login = reported(Kind::StrongLogin, morning());
        let trust = evaluate(std::slice::from_ref(&travel), morning());
        assert_eq!((trust.score, trust.after_strong_login), (65, 82));
        let trust = evaluate(&[travel, login.clone()], morning());
        assert_eq!((trust.score, trust.after_strong_login), (82, 82));
        let lost = evaluate(&[reported(Kind::DeviceLost, morning()), login.clone()], morning());
        assert_eq!((lost.score, lost.after_strong_login), (50, 50));
        assert_eq!(lost.contributions.len(), 1, "a login that gives nothing back is no contribution");
        assert_eq!(evaluate(&[login], morning()).score, 100, "there is no more than full trust");
    }

    #[test]
    fn the_score_is_the_sum_of_its_named_parts_the_largest_first() {
        let signals = [
            reported(Kind::UnusualTime, morning()),
            reported(Kind::PasswordLeaked, morning()),
            reported(Kind::StrongLogin, morning()),
        ];
        let trust = evaluate(&signals, morning());
        let parts: Vec<_> = trust.contributions.iter().map(|c| (c.kind, c.points, c.standing)).collect();
        let expected = [
            (Kind::PasswordLeaked, -60, true),
            (Kind::UnusualTime, -10, false),
            (Kind::StrongLogin, 5, false),
        ];
        assert_eq!(parts, expected);
        assert_eq!(i32::from(trust.score), 100 + parts.iter().map(|(_, points, _)| points).sum::<i32>());
        assert!(
            trust.contributions.iter().all(|c| !c.reason_zh.is_empty() && c.reported_by == "security centre")
        );
    }

    #[test]
    fn everything_at_once_is_no_trust_and_no_overflow() {
        let all: Vec<_> = crate::signal::MEANINGS.iter().map(|m| reported(m.kind, morning())).collect();
        assert_eq!(score(&all, 0), 0);
        assert_eq!(evaluate(&all, Timestamp::from_us(i64::MAX)).score, 0, "what stands, stands");
        assert_eq!(
            evaluate(&all, Timestamp::from_us(i64::MIN)).score,
            0,
            "a report from the future counts at once"
        );
    }
}
