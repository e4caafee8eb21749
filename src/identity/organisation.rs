//! The organisation tree from province to grid.

use std::fmt;
use std::str::FromStr;

use crate::assurance::named;
use crate::person::PersonName;

/// Most units on a path from the root: six levels, and departments within them.
pub const ORG_DEPTH_MAX_UNITS: usize = 16;
/// Longest unit code, in characters.
pub const UNIT_CODE_MAX_CHARS: usize = 32;

/// A unit's identifier.
pub type OrgUnitId = base::Id<base::id::Unit>;

named! {
    /// The administrative levels, highest first (省、市、县、乡、村、网格).
    Level {
        /// 省.
        Province = "province";
        /// 市.
        City = "city";
        /// 县、区.
        County = "county";
        /// 乡、镇、街道.
        Township = "township";
        /// 村、社区.
        Village = "village";
        /// 网格.
        Grid = "grid";
    }
}

/// A unit of the tree: a territory, or an authority or department within one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgUnit {
    /// Its identifier, the last of its path.
    pub id: OrgUnitId,
    /// The units from the root down to this one.
    pub path: OrgPath,
    /// Its administrative level; a department has that of its territory.
    pub level: Level,
    /// Its name.
    pub name: PersonName,
    /// Its code: an administrative division code (GB/T 2260, GB/T 10114) or a unified social credit code.
    pub code: UnitCode,
}

/// Why a unit cannot stand where it was to be put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOrgUnit {
    /// The tree would become too deep.
    #[error("expected at most {ORG_DEPTH_MAX_UNITS} units from the root down")]
    TooDeep,
    /// A county cannot hold a city.
    #[error("a unit of level {child} cannot be below one of level {parent}")]
    LevelAboveParent {
        /// The unit's level.
        child: &'static str,
        /// Its parent's level.
        parent: &'static str,
    },
    /// The unit is on the path already.
    #[error("unit `{0}` would be below itself")]
    Cycle(OrgUnitId),
}

impl OrgUnit {
    /// The root of a tree.
    pub fn root(id: OrgUnitId, level: Level, name: PersonName, code: UnitCode) -> Self {
        Self { id, path: OrgPath(vec![id]), level, name, code }
    }

    /// A unit directly below this one.
    ///
    /// Its level is this one's (a department) or lower (a territory); levels may be skipped, as where a province governs a
    /// county itself.
    pub fn child(
        &self,
        id: OrgUnitId,
        level: Level,
        name: PersonName,
        code: UnitCode,
    ) -> Result<Self, BadOrgUnit> {
        if level < self.level {
            return Err(BadOrgUnit::LevelAboveParent { child: level.as_str(), parent: self.level.as_str() });
        }
        Ok(Self { id, path: self.path.child(id)?, level, name, code })
    }

    /// The unit directly above; `None` for the root.
    pub fn parent(&self) -> Option<OrgUnitId> {
        self.path.units().rev().nth(1)
    }
}

/// The units from the root down to one unit, it included; never empty. As text: `org_…/org_…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrgPath(Vec<OrgUnitId>);

/// A text that is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {ORG_DEPTH_MAX_UNITS} different unit identifiers with `/` between them")]
pub struct BadOrgPath;

impl OrgPath {
    /// The units from the root down.
    pub fn units(&self) -> impl DoubleEndedIterator<Item = OrgUnitId> {
        self.0.iter().copied()
    }

    /// Whether `other` is this unit or below it: whose branch `other` is in.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// How many units there are from the root down to this one.
    pub const fn depth(&self) -> usize {
        self.0.len()
    }

    /// The path of a unit directly below.
    fn child(&self, id: OrgUnitId) -> Result<Self, BadOrgUnit> {
        if self.0.len() >= ORG_DEPTH_MAX_UNITS {
            return Err(BadOrgUnit::TooDeep);
        }
        if self.0.contains(&id) {
            return Err(BadOrgUnit::Cycle(id));
        }
        Ok(Self(self.units().chain([id]).collect()))
    }
}

impl FromStr for OrgPath {
    type Err = BadOrgPath;

    fn from_str(text: &str) -> Result<Self, BadOrgPath> {
        let mut path: Option<Self> = None;
        for unit in text.split('/') {
            let id = unit.parse().map_err(|_| BadOrgPath)?;
            path = Some(match path {
                None => Self(vec![id]),
                Some(above) => above.child(id).map_err(|_| BadOrgPath)?,
            });
        }
        path.ok_or(BadOrgPath)
    }
}

impl TryFrom<String> for OrgPath {
    type Error = BadOrgPath;

    fn try_from(text: String) -> Result<Self, BadOrgPath> {
        text.parse()
    }
}

impl From<OrgPath> for String {
    fn from(path: OrgPath) -> Self {
        path.to_string()
    }
}

impl fmt::Display for OrgPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, id) in self.0.iter().enumerate() {
            write!(f, "{}{id}", if i == 0 { "" } else { "/" })?;
        }
        Ok(())
    }
}

/// A unit's code: 1 to 32 digits and capital letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitCode(String);

/// A text that is not a unit's code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {UNIT_CODE_MAX_CHARS} digits and capital letters, got `{0}`")]
pub struct BadUnitCode(pub String);

impl UnitCode {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UnitCode {
    type Err = BadUnitCode;

    fn from_str(text: &str) -> Result<Self, BadUnitCode> {
        let good = text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if good && (1..=UNIT_CODE_MAX_CHARS).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadUnitCode(text.chars().take(UNIT_CODE_MAX_CHARS).collect()))
        }
    }
}

impl TryFrom<String> for UnitCode {
    type Error = BadUnitCode;

    fn try_from(text: String) -> Result<Self, BadUnitCode> {
        text.parse()
    }
}

impl From<UnitCode> for String {
    fn from(code: UnitCode) -> Self {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{OsEntropy, Timestamp};

    fn id() -> OrgUnitId {
        OrgUnitId::new(Timestamp::from_unix_seconds(1_795_507_200), &OsEntropy)
    }

    fn below(parent: &OrgUnit, level: Level, name: &str) -> Result<OrgUnit, BadOrgUnit> {
        parent.child(id(), level, name.parse().unwrap(), "350102".parse().unwrap())
    }

    fn fujian() -> OrgUnit {
        OrgUnit::root(id(), Level::Province, "福建省".parse().unwrap(), "350000".parse().unwrap())
    }

    #[test]
    fn a_branch_contains_itself_and_what_is_below_and_no_neighbour() {
        let province = fujian();
        let fuzhou = below(&province, Level::City, "福州市").unwrap();
        let xiamen = below(&province, Level::City, "厦门市").unwrap();
        let gulou = below(&fuzhou, Level::County, "鼓楼区").unwrap();
        assert!(province.path.contains(&gulou.path) && fuzhou.path.contains(&gulou.path));
        assert!(fuzhou.path.contains(&fuzhou.path));
        assert!(!xiamen.path.contains(&gulou.path), "a neighbour's branch");
        assert!(!gulou.path.contains(&fuzhou.path), "what is above");
        assert_eq!((gulou.parent(), province.parent()), (Some(fuzhou.id), None));
    }

    #[test]
    fn levels_go_down_the_tree_and_may_be_skipped() {
        let county = below(&fujian(), Level::County, "平潭").unwrap();
        assert!(below(&county, Level::County, "平潭县医保局").is_ok(), "a department");
        assert_eq!(
            below(&county, Level::City, "某市"),
            Err(BadOrgUnit::LevelAboveParent { child: "city", parent: "county" })
        );
    }

    #[test]
    fn the_tree_has_a_bottom_and_no_circles() {
        let mut unit = fujian();
        assert_eq!(unit.path.child(unit.id), Err(BadOrgUnit::Cycle(unit.id)));
        for _ in 1..ORG_DEPTH_MAX_UNITS {
            unit = below(&unit, Level::Grid, "网格").unwrap();
        }
        assert_eq!(below(&unit, Level::Grid, "网格"), Err(BadOrgUnit::TooDeep));
        let text = unit.path.to_string();
        assert_eq!(text.parse(), Ok(unit.path));
        assert_eq!(format!("{text}/{}", id()).parse::<OrgPath>(), Err(BadOrgPath), "too deep");
    }

    #[test]
    fn a_path_from_a_row_is_not_believed() {
        let one = id();
        for bad in [String::new(), "/".into(), format!("{one}/"), format!("{one}/{one}"), "usr_x".into()] {
            assert_eq!(bad.parse::<OrgPath>(), Err(BadOrgPath), "{bad}");
        }
    }
}
