//! An outcome in words: the `context` of an AuthZEN decision.
//!
//! ```json
//! { "reason_user":  { "zh-CN": "...", "en": "..." },
//!   "reason_admin": { "zh-CN": "...", "en": "..." },
//!   "policies": ["data.grade"], "revision": "<SM3, hexadecimal>",
//!   "trust": { "score": 45, "contributions": [ ... ] },
//!   "requires": { "acr_values": ["urn:yinxin:loa:2"], "max_age": 900 } }
//! ```
//!
//! `trust` and `requires` are left out when there are none, and so is what a login need not be. `reason_user` is for the person who was refused;
//! `reason_admin` also names conditions in the policy language, and is for whoever may read the policies.

use serde_json::{Map, Value, json};

use crate::authzen::Decision;
use crate::outcome::{Effect, Outcome, PolicyRef, StepUp, Text};

/// What a person can do about a refusal, when something can be done at once.
const STRONGER_LOGIN: (&str, &str) =
    ("请使用更高等级的认证方式重新登录后再试。", "Log in again with a stronger method, then try again.");
const FRESH_LOGIN: (&str, &str) = ("请重新登录后再试。", "Log in again, then try again.");

impl Outcome {
    /// The decision with its explanation.
    pub fn into_decision(self) -> Decision {
        Decision { decision: self.decision, context: context(&self) }
    }
}

/// The explanation of `outcome` as AuthZEN's `context`.
pub fn context(outcome: &Outcome) -> Map<String, Value> {
    let mut context = Map::new();
    let policies: Vec<&str> = outcome.determining.iter().map(|policy| policy.id.as_str()).collect();
    context.insert("reason_user".into(), json!(reason_user(outcome)));
    context.insert("reason_admin".into(), json!(reason_admin(outcome)));
    context.insert("policies".into(), json!(policies));
    context.insert("revision".into(), json!(&*outcome.revision));
    if let Some(trust) = &outcome.trust {
        context.insert("trust".into(), json!(trust));
    }
    if let Some(login) = &outcome.step_up {
        context.insert("requires".into(), requires(login).into());
    }
    context
}

/// A login in the words of the authorization request that asks for it (OIDC Core, 3.1.2.1).
fn requires(login: &StepUp) -> Map<String, Value> {
    let class = login.acr_value.as_ref().map(|class| ("acr_values".to_owned(), json!([class])));
    let age = login.max_age_seconds.map(|seconds| ("max_age".to_owned(), json!(seconds)));
    class.into_iter().chain(age).collect()
}

/// Why, said to the person.
pub fn reason_user(outcome: &Outcome) -> Text {
    let mut text = if !outcome.determining.is_empty() {
        sentences(outcome.determining.iter().map(|policy| &policy.reason))
    } else if !outcome.errors.is_empty() {
        pair("现有信息不足以作出判断，因此拒绝。", "What is known is not enough to decide, so it is refused.")
    } else if let Some(requires) = outcome.near_misses.first().and_then(|miss| miss.policy.requires.as_ref())
    {
        Text {
            zh: format!("没有规则允许此操作。最接近的规则要求：{}", requires.zh),
            en: format!("No rule permits this. The nearest one requires: {}", requires.en),
        }
    } else {
        pair("没有规则允许此操作。", "No rule permits this.")
    };
    if let Some(login) = &outcome.step_up {
        let (zh, en) = if login.acr_value.is_some() { STRONGER_LOGIN } else { FRESH_LOGIN };
        text.zh.push_str(zh);
        text.en = format!("{} {en}", text.en);
    }
    text
}

/// Why, said to the administrator: with policy identifiers, unmet conditions and errors.
pub fn reason_admin(outcome: &Outcome) -> Text {
    let mut zh = Vec::new();
    let mut en = Vec::new();
    for policy in &outcome.determining {
        zh.push(format!("{}：{}", determined(policy).0, policy.reason.zh));
        en.push(format!("{}: {}", determined(policy).1, policy.reason.en));
    }
    for miss in &outcome.near_misses {
        let id = &miss.policy.id;
        zh.push(format!("规则 `{id}` 未满足的条件：`{}`", miss.unmet.join("`、`")));
        en.push(format!("permit `{id}` lacks `{}`", miss.unmet.join("`, `")));
    }
    if outcome.determining.is_empty() && outcome.near_misses.is_empty() && outcome.errors.is_empty() {
        zh.push("没有针对此操作和类型的允许规则".into());
        en.push("no permit is for this action and these types".into());
    }
    for error in &outcome.errors {
        zh.push(format!("无法求值：{error}"));
        en.push(format!("not evaluated: {error}"));
    }
    if !outcome.ignored.is_empty() {
        zh.push(format!("未采信调用方声明的属性：`{}`", outcome.ignored.join("`、`")));
        en.push(format!("asserted properties that do not count: `{}`", outcome.ignored.join("`, `")));
    }
    Text { zh: zh.join("；"), en: en.join("; ") }
}

fn determined(policy: &PolicyRef) -> (String, String) {
    let id = &policy.id;
    match policy.effect {
        Effect::Permit => (format!("由 `{id}` 允许"), format!("permitted by `{id}`")),
        Effect::Forbid => (format!("由 `{id}` 禁止"), format!("forbidden by `{id}`")),
    }
}

fn sentences<'a>(texts: impl Iterator<Item = &'a Text>) -> Text {
    let (zh, en): (Vec<&str>, Vec<&str>) = texts.map(|text| (text.zh.as_str(), text.en.as_str())).unzip();
    Text { zh: zh.concat(), en: en.join(" ") }
}

fn pair(zh: &str, en: &str) -> Text {
    Text { zh: zh.to_owned(), en: en.to_owned() }
}
