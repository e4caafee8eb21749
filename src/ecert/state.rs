//! The states of a certificate and the ways between them.
//!
//! The codes are those that ministries exchange: 01 valid, 02 suspended, 03 rescinded, 04 cancelled, 05 lapsed, 06 transferred out,
//! 07 revoked, 99 other.

/// The state of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum State {
    /// 01 有效: in force.
    Valid,
    /// 02 暂扣: held back for a while.
    Suspended,
    /// 03 撤销: should never have been issued.
    Rescinded,
    /// 04 注销: given up, or its holder is no more.
    Cancelled,
    /// 05 失效: past its last day.
    Lapsed,
    /// 06 迁出: kept by another authority now.
    TransferredOut,
    /// 07 吊销: taken away as a penalty.
    Revoked,
    /// 99 其他: a state that another system does not tell.
    Other,
}

/// Every state with its code and names.
const STATES: [(State, &str, &str, &str); 8] = [
    (State::Valid, "01", "有效", "valid"),
    (State::Suspended, "02", "暂扣", "suspended"),
    (State::Rescinded, "03", "撤销", "rescinded"),
    (State::Cancelled, "04", "注销", "cancelled"),
    (State::Lapsed, "05", "失效", "lapsed"),
    (State::TransferredOut, "06", "迁出", "transferred out"),
    (State::Revoked, "07", "吊销", "revoked"),
    (State::Other, "99", "其他", "other"),
];

/// The ways that are open; whatever stands here on neither side as a start is final.
const TRANSITIONS: [(State, &[State]); 3] = [
    (
        State::Valid,
        &[
            State::Suspended,
            State::Rescinded,
            State::Cancelled,
            State::Lapsed,
            State::TransferredOut,
            State::Revoked,
        ],
    ),
    (State::Suspended, &[State::Valid, State::Rescinded, State::Cancelled, State::Lapsed, State::Revoked]),
    (State::Lapsed, &[State::Rescinded, State::Cancelled, State::Revoked]),
];

/// A change of state that is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a certificate cannot go from {} to {}", from.name_en(), to.name_en())]
pub struct NoSuchTransition {
    /// The state it is in.
    pub from: State,
    /// The state asked for.
    pub to: State,
}

/// A code that no state has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a certificate state code 01 to 07 or 99, got `{got}`")]
pub struct UnknownState {
    /// What came, cut to 16 characters.
    pub got: String,
}

impl State {
    /// The state to record, when the way from here to `to` is open.
    pub fn change(self, to: Self) -> Result<Self, NoSuchTransition> {
        if self.next().contains(&to) { Ok(to) } else { Err(NoSuchTransition { from: self, to }) }
    }

    /// The states that can follow; empty for a final one.
    pub fn next(self) -> &'static [Self] {
        TRANSITIONS.iter().find(|(from, _)| *from == self).map_or(&[], |(_, to)| to)
    }

    /// The code: `01`.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// The name in Chinese.
    pub fn name_zh(self) -> &'static str {
        self.row().2
    }

    /// The name in English.
    pub fn name_en(self) -> &'static str {
        self.row().3
    }

    /// The state of `code`.
    pub fn from_code(code: &str) -> Result<Self, UnknownState> {
        let found = STATES.iter().find(|row| row.1 == code).map(|row| row.0);
        found.ok_or_else(|| UnknownState { got: code.chars().take(16).collect() })
    }

    fn row(self) -> (Self, &'static str, &'static str, &'static str) {
        // INVARIANT: STATES names every state; the test below goes through all codes.
        STATES.into_iter().find(|row| row.0 == self).unwrap_or((Self::Other, "99", "其他", "other"))
    }
}

impl From<State> for &'static str {
    fn from(state: State) -> Self {
        state.code()
    }
}

impl TryFrom<String> for State {
    type Error = UnknownState;

    fn try_from(code: String) -> Result<Self, UnknownState> {
        Self::from_code(&code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_states_belong_together() {
        for (state, code, ..) in STATES {
            assert_eq!((state.code(), State::from_code(code)), (code, Ok(state)));
        }
        assert!(State::from_code("08").is_err());
        assert_eq!(serde_json::to_string(&State::Revoked).unwrap(), "\"07\"");
        assert!(serde_json::from_str::<State>("\"1\"").is_err());
    }

    #[test]
    fn a_licence_is_suspended_and_given_back_and_revoked_for_good() {
        let licence = State::Valid.change(State::Suspended).unwrap();
        let licence = licence.change(State::Valid).unwrap();
        let licence = licence.change(State::Revoked).unwrap();
        for (to, ..) in STATES {
            assert_eq!(
                licence.change(to),
                Err(NoSuchTransition { from: State::Revoked, to }),
                "revoked is final"
            );
        }
    }

    #[test]
    fn what_lapsed_is_not_valid_again() {
        let refused = State::Lapsed.change(State::Valid).unwrap_err();
        assert_eq!(refused.to_string(), "a certificate cannot go from lapsed to valid");
        assert!(State::Valid.change(State::Valid).is_err(), "no change is no transition");
        assert!(
            State::Suspended.change(State::TransferredOut).is_err(),
            "what is held back stays where it is"
        );
    }
}
